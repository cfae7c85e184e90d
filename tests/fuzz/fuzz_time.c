/*
 * Times: what is parsed and printed parses to the same, and any number of the
 * years that can be written comes back.
 */
#include "fuzz.h"

#include "codec/time.h"

#define TEXT_MAX 100

static void print_and_parse(int64_t us)
{
	struct tb_buf first;
	struct tb_buf second;
	int64_t back;

	tb_buf_init(&first, TEXT_MAX);
	tb_buf_init(&second, TEXT_MAX);
	tb_time_put(&first, us);
	TB_ASSERT(tb_time_parse(tb_buf_str(&first), TB_TIME_ZONE_REQUIRED,
				&back) == TB_OK);
	TB_ASSERT(back == us);
	tb_time_put(&second, back);
	TB_ASSERT(tb_str_eq(tb_buf_str(&first), tb_buf_str(&second)));
	tb_buf_fini(&first);
	tb_buf_fini(&second);
}

static void print_any(int64_t us)
{
	struct tb_buf buf;

	tb_buf_init(&buf, TEXT_MAX);
	tb_time_put(&buf, us);
	tb_buf_reset(&buf);
	tb_time_put_seconds(&buf, us);
	tb_buf_reset(&buf);
	tb_time_put_http(&buf, us);
	TB_ASSERT(tb_buf_err(&buf) == TB_OK);
	tb_buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const int64_t first_us = INT64_C(-62135596800) * 1000000;
	const int64_t end_us = INT64_C(253402300800) * 1000000;
	struct tb_str text = fuzz_input(data, n);
	int64_t us;

	for (unsigned flags = 0; flags < 8; flags++) {
		if (tb_time_parse(text, flags, &us) == TB_OK)
			print_and_parse(us);
	}
	if (n == sizeof(us)) {
		memcpy(&us, data, sizeof(us));
		print_any(us);
		if (us >= first_us && us < end_us)
			print_and_parse(us);
	}
	return 0;
}
