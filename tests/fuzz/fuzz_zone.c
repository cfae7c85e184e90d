/*
 * Zone files and the rules in them: whatever is in one, times go there and
 * back.
 */
#include "fuzz.h"

#include "jobs/schedule/zone.h"
#include "jobs/schedule/zone_rule.h"

#define OFFSET_MAX_S (26 * 3600)

static void use(const struct tb_zone *zone, int64_t utc_s)
{
	int64_t until_s;
	int64_t offset_s = tb_zone_offset(zone, utc_s, &until_s);
	int64_t local_s = tb_zone_local(zone, utc_s);
	int64_t back_s = tb_zone_utc(zone, local_s);

	TB_ASSERT(until_s > utc_s);
	TB_ASSERT(offset_s > -OFFSET_MAX_S && offset_s < OFFSET_MAX_S);
	TB_ASSERT(local_s == utc_s + offset_s);
	/* The first moment at which they show this or more. */
	TB_ASSERT(back_s <= utc_s);
	TB_ASSERT(tb_zone_local(zone, back_s) >= local_s);
	TB_ASSERT(tb_zone_local(zone, back_s - 1) < local_s);
}

static void use_all(const struct tb_zone *zone)
{
	static const int64_t moments[] = {
		INT64_MIN / 1000000,
		-62135596800,
		-1,
		0,
		1709164800,
		4102444800,
		253402300799,
		INT64_MAX / 1000000,
	};
	int64_t until_s = 0;

	for (size_t i = 0; i < TB_ARRAY_LEN(moments); i++)
		use(zone, moments[i]);
	for (int i = 0; i < 20 && until_s < INT64_MAX / 1000000; i++) {
		use(zone, until_s);
		(void)tb_zone_offset(zone, until_s, &until_s);
	}
}

static void use_rule(const struct tb_zone_rule *rule)
{
	int64_t at_s = 0;

	for (int i = 0; i < 20 && at_s < INT64_MAX / 1000000; i++) {
		int64_t until_s;
		int32_t offset_s = tb_zone_rule_offset(rule, at_s, &until_s);

		TB_ASSERT(until_s > at_s);
		TB_ASSERT(offset_s == rule->standard_s ||
			  offset_s == rule->summer_s);
		at_s = until_s;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_zone *zone = NULL;
	struct tb_zone_rule rule;
	enum tb_err err = tb_zone_parse(data, n, &zone);

	TB_ASSERT((err == TB_OK) == (zone != NULL));
	if (zone)
		use_all(zone);
	else
		TB_ASSERT(err == TB_ERR_CORRUPT || err == TB_ERR_UNSUPPORTED);
	tb_zone_destroy(zone);
	if (!tb_zone_rule_parse(fuzz_input(data, n), &rule))
		use_rule(&rule);
	return 0;
}
