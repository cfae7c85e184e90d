/*
 * What the clocks of every zone of the system's database show from 1970 to
 * 2100, against zone_cases.py, which asks Python's zoneinfo.
 */
#include "cases.h"

#include "jobs/schedule/zone.h"

#define CASES_MIN 10000
#define ZONES_MIN 400

static const char *cases_path;

/* The zone of the case before: they come zone by zone. */
static struct {
	char name[TB_ZONE_NAME_MAX_BYTES + 1];
	struct tb_zone *zone;
	size_t n;
} last;

static const struct tb_zone *zone_of(struct tb_str name)
{
	if (!tb_str_eq(tb_str_z(last.name), name)) {
		tb_zone_destroy(last.zone);
		last.zone = NULL;
		if (tb_zone_load(name, &last.zone))
			fail_msg("cannot load %.*s", TB_STR_ARG(name));
		memcpy(last.name, name.p, name.n);
		last.name[name.n] = '\0';
		last.n++;
	}
	return last.zone;
}

/* local|ZONE|UTC|LOCAL, utc|ZONE|LOCAL|UTC */
static bool check(const struct test_case *c)
{
	const struct tb_zone *zone;
	int64_t given = case_number(c, 2);

	assert_int_equal(c->n_fields, 4);
	zone = zone_of(c->fields[1]);
	return (tb_str_eq(c->fields[0], TB_STR("local"))
			? tb_zone_local(zone, given)
			: tb_zone_utc(zone, given)) == case_number(c, 3);
}

static void clocks_show_what_another_program_says(void **state)
{
	(void)state;
	check_cases(cases_path, CASES_MIN, check);
	assert_true(last.n >= ZONES_MIN);
	tb_zone_destroy(last.zone);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_show_what_another_program_says),
	};

	if (argc != 2)
		return 2;
	cases_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
