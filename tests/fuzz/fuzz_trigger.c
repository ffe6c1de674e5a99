/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever file is given to `cutover trigger test`: a trigger and the samples to try it on. */
#include "engine/runbook/trigger_test.h"
#include "tests/fuzz/need.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cut_auto(cut_json) json_t *file = NULL, *result = NULL;
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (cut_json_parse((const char *)data, size, "the file", &file, &err) < 0)
		return 0;
	if (cut_trigger_test(file, &result, &text, &err) < 0)
		need(err.what && !result);
	else
		need(result);
	return 0;
}
