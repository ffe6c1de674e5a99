/* SPDX-License-Identifier: Apache-2.0 */
/* The words of an expression, by CEL's lexis: names, numbers, strings with their escapes,
 * operators, comments. Called by expr_parse.c. */
#include "engine/core/expr_parse.h"

#include "engine/base/num.h"
#include "engine/base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int expr_lex_fail(struct lexer *lex, const char *at, const char *why, const char *what, ...)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	va_list ap;

	va_start(ap, what);
	cut_buf_vprintf(&text, what, ap);
	va_end(ap);
	lex->fault = at;
	return cut_err_set(lex->err, -EINVAL, why, NULL, "%s", cut_buf_str(&text));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void skip_space(struct lexer *lex)
{
	while (lex->at < lex->end) {
		if (memchr(" \t\n\r\f", *lex->at, 5)) {
			lex->at++;
		} else if (lex->end - lex->at >= 2 && memcmp(lex->at, "//", 2) == 0) {
			while (lex->at < lex->end && *lex->at != '\n')
				lex->at++;
		} else {
			return;
		}
	}
}

static bool is_word(const char *start, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(start, word, len) == 0;
}

bool expr_lex_is_reserved(const struct token *name)
{
	static const char *const words[] = {"as",   "break",	"const",     "continue", "else",
					    "for",  "function", "if",	     "import",	 "let",
					    "loop", "package",	"namespace", "return",	 "var",
					    "void", "while"};

	for (size_t i = 0; i < CUT_ARRAY_LEN(words); i++)
		if (is_word(name->start, name->len, words[i]))
			return true;
	return false;
}

static int lex_name(struct lexer *lex)
{
	static const struct {
		const char *word;
		enum token_kind kind;
	} words[] = {
		{"true", TOK_TRUE}, {"false", TOK_FALSE}, {"null", TOK_NULL}, {"in", TOK_OPERATOR}};
	struct token *token = &lex->token;

	while (lex->at < lex->end && (is_name_start(*lex->at) || is_digit(*lex->at)))
		lex->at++;
	token->len = (size_t)(lex->at - token->start);
	token->kind = TOK_NAME;
	token->op = OP_IN;
	for (size_t i = 0; i < CUT_ARRAY_LEN(words); i++)
		if (is_word(token->start, token->len, words[i].word))
			token->kind = words[i].kind;
	return 0;
}

static void skip_digits(struct lexer *lex)
{
	while (lex->at < lex->end && is_digit(*lex->at))
		lex->at++;
}

/* ".5" and "1.5" but not "1.": that is a selection from 1. */
static bool skip_fraction_and_exponent(struct lexer *lex)
{
	const char *start = lex->at, *at;

	if (lex->end - lex->at >= 2 && lex->at[0] == '.' && is_digit(lex->at[1])) {
		lex->at++;
		skip_digits(lex);
	}
	if (lex->at == lex->end || (*lex->at | 0x20) != 'e')
		return lex->at > start;
	at = lex->at + 1;
	if (at < lex->end && (*at == '+' || *at == '-'))
		at++;
	if (at == lex->end || !is_digit(*at))
		return lex->at > start;
	lex->at = at;
	skip_digits(lex);
	return true;
}

static int lex_hex(struct lexer *lex)
{
	uint64_t v = 0;
	int digit;

	lex->at += 2;
	for (; lex->at < lex->end && (digit = hex_digit(*lex->at)) >= 0; lex->at++) {
		if (v >> 60)
			return expr_lex_fail(lex, lex->token.start, NULL, "integer is too large");
		v = v << 4 | (unsigned)digit;
	}
	if (lex->at - lex->token.start == 2)
		return expr_lex_fail(lex, lex->token.start, NULL, "0x without digits");
	lex->token.magnitude = v;
	return 0;
}

static int lex_decimal(struct lexer *lex)
{
	struct token *token = &lex->token;
	int64_t v;

	skip_digits(lex);
	if (!skip_fraction_and_exponent(lex)) {
		/* The sign comes before, and 2^63 is an integer only with it. */
		cut_auto(cut_str) char *negative =
			cut_printf("-%.*s", (int)(lex->at - token->start), token->start);

		if (cut_int_parse(negative, strlen(negative), &v) < 0)
			return expr_lex_fail(lex, token->start, NULL, "integer is too large");
		token->magnitude = 0 - (uint64_t)v;
		return 0;
	}
	token->kind = TOK_DOUBLE;
	if (*token->start == '.') {
		cut_auto(cut_str) char *whole =
			cut_printf("0%.*s", (int)(lex->at - token->start), token->start);

		cut_real_parse(whole, strlen(whole), &token->real);
		return 0;
	}
	if (cut_real_parse(token->start, (size_t)(lex->at - token->start), &token->real) < 0)
		return expr_lex_fail(lex, token->start, NULL, "number is too large");
	return 0;
}

static int lex_number(struct lexer *lex)
{
	int r;

	lex->token.kind = TOK_INT;
	if (lex->end - lex->at >= 2 && lex->at[0] == '0' && (lex->at[1] | 0x20) == 'x')
		r = lex_hex(lex);
	else
		r = lex_decimal(lex);
	if (r < 0)
		return r;
	if (lex->token.kind == TOK_INT && lex->token.magnitude > 1ull << 63)
		return expr_lex_fail(lex, lex->token.start, NULL, "integer is too large");
	if (lex->at < lex->end && (*lex->at | 0x20) == 'u')
		return expr_lex_fail(lex, lex->token.start, "write it without u",
				     "unsigned integers are not supported");
	return 0;
}

/* A code point of `digits` digits in base 16 or 8. */
static int lex_code(struct lexer *lex, unsigned digits, unsigned base, struct cut_buf *text)
{
	const char *start = lex->at;
	uint32_t code = 0;

	for (; digits--; lex->at++) {
		int digit = lex->at < lex->end ? hex_digit(*lex->at) : -1;

		if (digit < 0 || (unsigned)digit >= base)
			return expr_lex_fail(lex, start, NULL, "an escape has too few digits");
		code = code * base + (unsigned)digit;
	}
	if (code == 0)
		return expr_lex_fail(lex, start, NULL, "a string cannot hold the character 0");
	if (cut_utf8_add(text, code) < 0)
		return expr_lex_fail(lex, start, NULL, "an escape is not a character");
	return 0;
}

static int lex_escape(struct lexer *lex, struct cut_buf *text)
{
	static const char from[] = "abfnrtv\\?\"'`", to[] = "\a\b\f\n\r\t\v\\?\"'`";
	const char *at = ++lex->at, *known;

	if (at == lex->end)
		return expr_lex_fail(lex, lex->token.start, NULL, "a string has no end");
	known = memchr(from, *at, sizeof(from) - 1);
	if (known) {
		lex->at++;
		return cut_buf_add_char(text, to[known - from]);
	}
	if (*at >= '0' && *at <= '3')
		return lex_code(lex, 3, 8, text);
	lex->at++;
	if (*at == 'x' || *at == 'X')
		return lex_code(lex, 2, 16, text);
	if (*at == 'u')
		return lex_code(lex, 4, 16, text);
	if (*at == 'U')
		return lex_code(lex, 8, 16, text);
	return expr_lex_fail(lex, at - 1, "write \\\\ for a backslash",
			     "unknown escape in a string");
}

static int lex_string(struct lexer *lex, bool raw)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	struct token *token = &lex->token;
	char quote = *lex->at, three[] = {quote, quote, quote};
	size_t quotes = lex->end - lex->at >= 3 && memcmp(lex->at, three, 3) == 0 ? 3 : 1;
	int r;

	for (lex->at += quotes;;) {
		if ((size_t)(lex->end - lex->at) < quotes ||
		    (quotes == 1 && (*lex->at == '\n' || *lex->at == '\r')))
			return expr_lex_fail(lex, token->start, NULL, "a string has no end");
		if (memcmp(lex->at, three, quotes) == 0)
			break;
		if (*lex->at == '\0')
			return expr_lex_fail(lex, lex->at, NULL,
					     "a string cannot hold the character 0");
		if (*lex->at == '\\' && !raw) {
			r = lex_escape(lex, &text);
			if (r < 0)
				return r;
			continue;
		}
		cut_buf_add_char(&text, *lex->at++);
	}
	lex->at += quotes;
	token->kind = TOK_STRING;
	token->text = cut_arena_strndup(lex->arena, cut_buf_str(&text), text.len);
	token->text_len = text.len;
	return 0;
}

static int lex_symbol(struct lexer *lex)
{
	static const struct {
		const char *text;
		enum token_kind kind;
		enum expr_op op;
	} symbols[] = {
		{"&&", TOK_AND, 0},	     {"||", TOK_OR, 0},
		{"<=", TOK_OPERATOR, OP_LE}, {">=", TOK_OPERATOR, OP_GE},
		{"==", TOK_OPERATOR, OP_EQ}, {"!=", TOK_OPERATOR, OP_NE},
		{"<", TOK_OPERATOR, OP_LT},  {">", TOK_OPERATOR, OP_GT},
		{"+", TOK_OPERATOR, OP_ADD}, {"-", TOK_OPERATOR, OP_SUB},
		{"*", TOK_OPERATOR, OP_MUL}, {"/", TOK_OPERATOR, OP_DIV},
		{"%", TOK_OPERATOR, OP_MOD},
	};
	struct token *token = &lex->token;
	size_t step;

	for (size_t i = 0; i < CUT_ARRAY_LEN(symbols); i++) {
		size_t len = strlen(symbols[i].text);

		if ((size_t)(lex->end - lex->at) < len ||
		    memcmp(lex->at, symbols[i].text, len) != 0)
			continue;
		lex->at += len;
		token->kind = symbols[i].kind;
		token->op = symbols[i].op;
		return 0;
	}
	if (*lex->at && strchr(".,:?!()[]{}", *lex->at)) {
		lex->at++;
		token->kind = TOK_PUNCT;
		return 0;
	}
	if (*lex->at == '=' || *lex->at == '&' || *lex->at == '|')
		return expr_lex_fail(lex, lex->at, NULL, "unexpected '%c': write '%c%c'", *lex->at,
				     *lex->at, *lex->at);
	step = cut_utf8_step(lex->at, (size_t)(lex->end - lex->at));
	return expr_lex_fail(lex, lex->at, NULL, "unexpected character '%.*s'", (int)step, lex->at);
}

/* r"…", and b"…" which is not ours. */
static bool is_prefixed_string(const struct lexer *lex, char letter)
{
	const char *at = lex->at;

	return lex->end - at >= 2 && (*at | 0x20) == letter && (at[1] == '"' || at[1] == '\'');
}

int expr_lex_next(struct lexer *lex)
{
	bool raw = false;
	int r = 0;

	skip_space(lex);
	lex->token = (struct token){.kind = TOK_END, .start = lex->at};
	if (lex->at == lex->end)
		return 0;
	if (is_prefixed_string(lex, 'b'))
		return expr_lex_fail(lex, lex->at, NULL, "bytes are not supported");
	if (is_prefixed_string(lex, 'r')) {
		raw = true;
		lex->at++;
	}
	if (*lex->at == '"' || *lex->at == '\'')
		r = lex_string(lex, raw);
	else if (is_name_start(*lex->at))
		r = lex_name(lex);
	else if (is_digit(*lex->at) ||
		 (*lex->at == '.' && lex->end - lex->at >= 2 && is_digit(lex->at[1])))
		r = lex_number(lex);
	else
		r = lex_symbol(lex);
	lex->token.len = (size_t)(lex->at - lex->token.start);
	return r;
}
