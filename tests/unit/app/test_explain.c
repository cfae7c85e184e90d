/* What an operator is told of a site. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/sites.h"

#define HOUR_US (3600 * 1000000ll)
#define DAY_US (24 * HOUR_US)
#define NOW_US (20000 * DAY_US)

static struct tb_account site;
static struct tb_consumer consumer;

static struct tb_site_facts facts(void)
{
	memset(&site, 0, sizeof(site));
	memset(&consumer, 0, sizeof(consumer));
	site.username = TB_STR("clinic");
	site.site_id = 63;
	consumer.seen_us = NOW_US - HOUR_US;
	consumer.last_pull_us = NOW_US - HOUR_US;
	return (struct tb_site_facts) {
		.site = &site,
		.consumer = &consumer,
		.queue_max = 1000,
		.now_us = NOW_US,
		.absence_us = 90 * DAY_US,
	};
}

static void assert_verdict(const struct tb_site_facts *f, const char *expected)
{
	struct tb_buf buf;

	tb_buf_init(&buf, 4096);
	tb_sites_put_verdict(&buf, f);
	tb_buf_append_char(&buf, '\0');
	assert_string_equal(buf.p, expected);
	tb_buf_fini(&buf);
}

static void the_verdict_names_the_worst(void **state)
{
	struct tb_site_facts f = facts();

	(void)state;
	assert_verdict(&f, "well");
	f.queue.n = 3;
	assert_verdict(&f, "well; it has yet to fetch or acknowledge its "
			   "backlog");
	consumer.clock_skew_us = -2 * HOUR_US;
	assert_verdict(&f, "its clock is 2 hours behind");
	consumer.seen_us = NOW_US - 3 * DAY_US;
	assert_verdict(&f, "not heard of for 3 days");
	consumer.quarantined = 1;
	assert_verdict(&f, "1 record waits in quarantine for an operator");
	consumer.quarantined = 2;
	assert_verdict(&f, "2 records wait in quarantine for an operator");
	consumer.seen_us = NOW_US - 91 * DAY_US;
	assert_verdict(&f, "away for too long: it starts over when it comes "
			   "back");
	consumer.seen_us = 0;
	assert_verdict(&f, "it has never called");
	site.disabled = true;
	assert_verdict(&f, "it is disabled: its calls are refused");
}

static void everything_known_is_said(void **state)
{
	static const char expected[] =
		"site        clinic (id 63, bound to its database)\n"
		"stores      a, b\n"
		"initialise  completed\n"
		"last call   2024-10-03T23:00:00Z (60 minutes ago)\n"
		"last push   never\n"
		"last pull   2024-10-03T23:00:00Z (60 minutes ago)\n"
		"clock skew  1 second ahead\n"
		"backlog     37 entries\n"
		"oldest      2024-10-02T00:00:00Z (2 days ago)\n"
		"quarantine  0 entries, 0 bytes\n"
		"waiting     0 records without their parents\n"
		"verdict     well; it has yet to fetch or acknowledge its "
		"backlog\n";
	static const struct tb_str stores[] = { { "a", 1 }, { "b", 1 } };
	struct tb_site_facts f = facts();
	struct tb_buf buf;

	(void)state;
	site.hardware = TB_STR("uuid");
	site.stores = stores;
	site.n_stores = 2;
	consumer.init = TB_INIT_COMPLETED;
	consumer.clock_skew_us = 1000000;
	f.queue.n = 37;
	f.queue.oldest_time_us = NOW_US - 2 * DAY_US;
	tb_buf_init(&buf, 4096);
	tb_sites_put_facts(&buf, &f);
	tb_buf_append_char(&buf, '\0');
	assert_string_equal(buf.p, expected);
	tb_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_verdict_names_the_worst),
		cmocka_unit_test(everything_known_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
