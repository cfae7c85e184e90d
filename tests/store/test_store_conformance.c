#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>

static const struct engine engines[] = {
	{ .name = "memory" },
	{ .name = "sqlite", .is_persistent = true },
};

static const struct part *const parts[] = {
	&conformance_records,      &conformance_feeds,    &conformance_walks,
	&conformance_transactions, &conformance_lifetime, &conformance_check,
};

const struct engine *engine_under_test;

int conformance_setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	fixture_init(f, tb_store_find(tb_str_z(engine_under_test->name)));
	fixture_add_org(f, 1);
	fixture_add_org(f, 2);
	*state = f;
	return 0;
}

int conformance_teardown(void **state)
{
	fixture_fini(*state);
	free(*state);
	return 0;
}

int main(void)
{
	int failed = 0;
	char name[64];

	for (size_t i = 0; i < TB_ARRAY_LEN(engines); i++)
		for (size_t j = 0; j < TB_ARRAY_LEN(parts); j++) {
			engine_under_test = &engines[i];
			snprintf(name, sizeof(name), "%s: %s", engines[i].name,
				 parts[j]->name);
			failed += _cmocka_run_group_tests(
				name, parts[j]->tests, parts[j]->n, NULL, NULL);
		}
	return failed != 0;
}
