/* What cmocka.h needs before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/basic.h"
#include "base/assert.h"
#include "codec/digest.h"

#define MUST(call) assert_int_equal(call, TB_OK)

static int setup(void **state)
{
	static struct tb_buf scratch;

	MUST(tb_digest_init());
	tb_buf_init(&scratch, TB_BASIC_MAX_BYTES);
	*state = &scratch;
	return 0;
}

static int teardown(void **state)
{
	tb_buf_fini(*state);
	return 0;
}

/* Parses what `plain` is in base64. */
static enum tb_err parse(struct tb_buf *scratch, struct tb_str plain,
			 struct tb_str *name, struct tb_str *password)
{
	struct tb_buf text;
	enum tb_err err;

	tb_buf_init(&text, 4096);
	tb_base64_put(&text, plain);
	MUST(tb_buf_err(&text));
	err = tb_basic_parse(tb_buf_str(&text), scratch, name, password);
	tb_buf_fini(&text);
	return err;
}

static void test_name_and_password_are_cut_at_the_first_colon(void **state)
{
	struct tb_str name;
	struct tb_str password;

	MUST(parse(*state, TB_STR("site:pass:word"), &name, &password));
	assert_true(tb_str_eq(name, TB_STR("site")));
	assert_true(tb_str_eq(password, TB_STR("pass:word")));
	MUST(parse(*state, TB_STR("site:"), &name, &password));
	assert_int_equal(password.n, 0);
	MUST(parse(*state, TB_STR("\xc3\x89t\xc3\xa9:\xc3\xa9"), &name,
		   &password));
	assert_true(tb_str_eq(password, TB_STR("\xc3\xa9")));
}

static void test_what_is_malformed_is_refused(void **state)
{
	const struct tb_str plain[] = {
		TB_STR("no colon"), TB_STR(":password"), TB_STR(""),
		TB_STR("a\0b:c"),   TB_STR("a:b\n"),     TB_STR("a:b\x7f"),
	};
	const struct tb_str text[] = {
		TB_STR("c2l0ZTpw*"),   TB_STR("c2l0ZTpwYQ"),
		TB_STR("c2l0ZTpwYQ="), TB_STR("c2l0ZTpw c2l0"),
		TB_STR("=="),          TB_STR("site:pass"),
	};
	struct tb_str name = TB_STR("untouched");
	struct tb_str password;

	for (size_t i = 0; i < TB_ARRAY_LEN(plain); i++)
		assert_int_equal(parse(*state, plain[i], &name, &password),
				 TB_ERR_INVALID);
	for (size_t i = 0; i < TB_ARRAY_LEN(text); i++)
		assert_int_equal(
			tb_basic_parse(text[i], *state, &name, &password),
			TB_ERR_INVALID);
	assert_true(tb_str_eq(name, TB_STR("untouched")));
}

static void test_more_than_a_kibibyte_is_refused(void **state)
{
	static char plain[TB_BASIC_MAX_BYTES];
	struct tb_str name;
	struct tb_str password;

	memset(plain, 'x', sizeof(plain));
	plain[4] = ':';
	MUST(parse(*state, tb_str(plain, TB_BASIC_MAX_BYTES / 4 * 3), &name,
		   &password));
	assert_int_equal(parse(*state,
			       tb_str(plain, TB_BASIC_MAX_BYTES / 4 * 3 + 1),
			       &name, &password),
			 TB_ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_name_and_password_are_cut_at_the_first_colon,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_malformed_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_more_than_a_kibibyte_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
