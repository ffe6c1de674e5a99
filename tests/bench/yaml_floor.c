/* SPDX-License-Identifier: Apache-2.0 */
/* The floor under `cutover validate`: walks libyaml's events of a file and does nothing with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

static char *read_whole(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;
	long len;

	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	text = len >= 0 ? malloc((size_t)len + 1) : NULL;
	if (text)
		*ret_len = fread(text, 1, (size_t)len, f);
	fclose(f);
	return text;
}

int main(int argc, char **argv)
{
	yaml_parser_t parser;
	yaml_event_t event;
	size_t len = 0, events = 0;
	char *text = argc > 1 ? read_whole(argv[1], &len) : NULL;
	int over = 0;

	if (!text || !yaml_parser_initialize(&parser))
		return 2;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!over) {
		if (!yaml_parser_parse(&parser, &event))
			return 1;
		over = event.type == YAML_STREAM_END_EVENT;
		events++;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	free(text);
	printf("%zu events\n", events);
	return 0;
}
