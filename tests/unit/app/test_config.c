/* The configuration: defaults, the file, the environment, and that every
 * mistake is reported with its line and what was expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/devices/devices.h"
#include "app/config.h"
#include "app/log.h"
#include "app/settings.h"
#include "base/alloc.h"

#define REPORTS_MAX 16

struct reports {
	char texts[REPORTS_MAX][512];
	size_t n;
};

static void report(void *ctx, const char *text)
{
	struct reports *reports = ctx;

	assert_true(reports->n < REPORTS_MAX);
	snprintf(reports->texts[reports->n++], 512, "%s", text);
}

/* A configuration file of this text; its path is in `path`. */
static void write_file(char path[64], const char *text)
{
	FILE *file;
	int fd;

	snprintf(path, 64, "/tmp/test_config.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static enum tb_err load(const char *text, const char *const *env,
			struct reports *reports, struct tb_config **ret)
{
	char path[64];
	struct tb_config_source source = { .path = path, .env = env };
	enum tb_err err;

	reports->n = 0;
	write_file(path, text);
	err = tb_config_load(&source, report, reports, ret);
	unlink(path);
	return err;
}

/* The text must be refused with one report, which ends like this behind the
 * path of the file. */
static void refused(const char *text, const char *expected)
{
	struct reports reports;
	struct tb_config *config;

	assert_int_equal(load(text, NULL, &reports, &config), TB_ERR_INVALID);
	assert_int_equal(reports.n, 1);
	assert_non_null(strchr(reports.texts[0], ':'));
	assert_string_equal(strchr(reports.texts[0], ':'), expected);
}

static struct tb_config *good(const char *text)
{
	struct reports reports;
	struct tb_config *config = NULL;
	enum tb_err err = load(text, NULL, &reports, &config);

	if (err && reports.n > 0)
		print_error("%s\n", reports.texts[0]);
	assert_int_equal(err, TB_OK);
	return config;
}

static void an_empty_file_gives_the_defaults(void **state)
{
	struct tb_config *config = good("");

	(void)state;
	assert_string_equal(config->program.data, "var");
	assert_int_equal(config->program.log_level, TB_LOG_INFO);
	assert_int_equal(config->server.workers,
			 tb_server_default_options.workers);
	assert_int_equal(config->auth.lock_s, tb_auth_default_options.lock_s);
	assert_string_equal(config->engine.at.path, "var");
	assert_string_equal(config->engine.store->name, "sqlite");
	assert_int_equal(config->program.absence_max_days, 90);
	assert_false(config->declaration.refuse_unknown);
	assert_int_equal(config->declaration.n_collections, 0);
	tb_config_destroy(config);
}

/* Whoever says something else goes before it, also who says what would hold
 * without a word. */
static void a_preset_is_below_all_others(void **state)
{
	static const char *const env[] = { "TOMBOLO_DEVICES_BATCH_MAX=7",
					   NULL };
	char path[64];
	struct tb_config_source source = {
		.preset = TB_STR("devices: {auth: open, org: o, batch_max: 5, "
				 "window: 9}\n"),
		.path = path,
		.env = env,
	};
	const struct tb_devices_options *options;
	struct reports reports = { .n = 0 };
	struct tb_config *config;

	(void)state;
	write_file(path, "devices: {auth: token, org: ''}\n");
	assert_int_equal(tb_config_load(&source, report, &reports, &config),
			 TB_OK);
	unlink(path);
	options = tb_config_api(config, &tb_devices_module);
	assert_int_equal(options->auth, TB_DEVICES_TOKEN);
	assert_string_equal(options->org, "");
	assert_int_equal(options->batch_max, 7);
	assert_int_equal(options->window, 9);
	tb_config_destroy(config);
	/* Without a file it stands. */
	source.path = NULL;
	source.env = NULL;
	assert_int_equal(tb_config_load(&source, report, &reports, &config),
			 TB_OK);
	options = tb_config_api(config, &tb_devices_module);
	assert_int_equal(options->auth, TB_DEVICES_OPEN);
	assert_string_equal(options->org, "o");
	tb_config_destroy(config);
}

static void open_devices_are_refused_off_loopback(void **state)
{
	struct tb_devices_options options = tb_devices_default_options;

	(void)state;
	assert_null(tb_devices_refusal(&options, "0.0.0.0:8000"));
	options.auth = TB_DEVICES_OPEN;
	assert_non_null(tb_devices_refusal(&options, "0.0.0.0:8000"));
	assert_non_null(tb_devices_refusal(&options, "[::]:8000"));
	assert_non_null(tb_devices_refusal(&options, "192.0.2.1:8000"));
	assert_null(tb_devices_refusal(&options, "127.0.0.1:8000"));
	assert_null(tb_devices_refusal(&options, "[::1]:8000"));
	options.open_to_network = true;
	assert_null(tb_devices_refusal(&options, "0.0.0.0:8000"));
}

static void values_of_the_file_are_taken(void **state)
{
	struct tb_config *config =
		good("data: /srv/t\nlisten: '[::1]:9000'\n"
		     "log: {level: warn}\n"
		     "server:\n  workers: 3\n  body_max_bytes: 1048576\n"
		     "  cors_origins: ['https://a.example', "
		     "'http://localhost:3000']\n"
		     "  trusted_proxies: [10.0.0.0/8]\n"
		     "sites:\n  absence_max_days: 7\n"
		     "  accept_unknown_tables: no\n");

	(void)state;
	assert_string_equal(config->program.data, "/srv/t");
	assert_string_equal(config->server.listen, "[::1]:9000");
	assert_int_equal(config->program.log_level, TB_LOG_WARN);
	assert_int_equal(config->server.workers, 3);
	assert_int_equal(config->server.body_max_bytes, 1048576);
	assert_string_equal(config->server.origins[1], "http://localhost:3000");
	assert_null(config->server.origins[2]);
	assert_string_equal(config->server.trusted_proxies[0], "10.0.0.0/8");
	assert_int_equal(config->program.absence_max_days, 7);
	assert_true(config->declaration.refuse_unknown);
	tb_config_destroy(config);
}

static void an_unknown_setting_is_refused_with_its_line(void **state)
{
	(void)state;
	refused("data: x\nserver:\n  workers: 2\n  wrokers: 3\n",
		":4: server.wrokers: expected a known setting (`tombolo "
		"config show` lists them)");
	refused("data: x\ndatta: y\n",
		":2: datta: expected a known setting (`tombolo config show` "
		"lists them)");
}

static void a_wrong_number_is_refused_with_its_range(void **state)
{
	static const char *const values[] = {
		"many", "-1",  "0",   "1025", "1e3",
		"0x10", "3.0", "[1]", "''",   "18446744073709551616"
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(text, sizeof(text), "server:\n  workers: %s\n",
			 values[i]);
		refused(text, ":2: server.workers: expected a whole number "
			      "from 1 to 1024");
	}
}

static void wrong_values_say_what_was_expected(void **state)
{
	(void)state;
	refused("log:\n  level: loud\n",
		":2: log.level: expected debug, info, warn or error");
	refused("listen: 8000\n", ":1: listen: expected an address and a "
				  "port, as 127.0.0.1:8000 or [::1]:8000");
	refused("sites:\n\n  accept_unknown_tables: maybe\n",
		":3: sites.accept_unknown_tables: expected yes or no");
	refused("store:\n  engine: paper\n",
		":2: store.engine: expected a store that this program was "
		"built with, as sqlite");
	refused("data: ''\n", ":1: data: expected the path of a folder");
}

static void a_list_names_what_its_items_must_be(void **state)
{
	static const char *const lists[] = { "https://a.example/path", "'*'",
					     "a.example", "ftp://a.example" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		snprintf(text, sizeof(text), "server:\n  cors_origins: [%s]\n",
			 lists[i]);
		refused(text, ":2: server.cors_origins: expected a list, "
			      "each item an origin, as "
			      "https://app.example.org");
	}
	refused("server:\n  trusted_proxies: [10.0.0.0/33]\n",
		":2: server.trusted_proxies: expected a list, each item an "
		"address range, as 10.0.0.0/8");
	refused("server:\n  trusted_proxies: 10.0.0.0/8\n",
		":2: server.trusted_proxies: expected a list, each item an "
		"address range, as 10.0.0.0/8");
}

static void a_key_given_twice_is_refused(void **state)
{
	(void)state;
	refused("data: x\nlisten: 127.0.0.1:1\ndata: y\n",
		":3: data: given already on line 1");
}

static void what_is_not_yaml_is_refused_with_its_line(void **state)
{
	struct reports reports;
	struct tb_config *config;

	(void)state;
	refused("- a\n", ":1: expected settings");
	refused("server: 3\n", ":1: server: expected settings below it");
	assert_int_equal(load("a: 1\nb: [\n", NULL, &reports, &config),
			 TB_ERR_INVALID);
	assert_non_null(strstr(reports.texts[0], ": expected YAML: "));
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct tb_config_source source = { .path = "/no/such/file" };
	struct reports reports = { .n = 0 };
	struct tb_config *config;

	(void)state;
	assert_int_equal(tb_config_load(&source, report, &reports, &config),
			 TB_ERR_NOT_FOUND);
	assert_non_null(strstr(reports.texts[0], "/no/such/file"));
}

static void all_mistakes_are_reported_at_once(void **state)
{
	struct reports reports;
	struct tb_config *config;

	(void)state;
	assert_int_equal(load("listen: 1\nserver:\n  workers: x\n  queue: 1\n",
			      NULL, &reports, &config),
			 TB_ERR_INVALID);
	assert_int_equal(reports.n, 3);
}

static void the_environment_overrides_the_file(void **state)
{
	const char *env[] = { "PATH=/bin",
			      "TOMBOLO_DATA=/from/env",
			      "TOMBOLO_SERVER_WORKERS=9",
			      "TOMBOLO_SERVER_TRUSTED_PROXIES=10.0.0.0/8, ::1",
			      "TOMBOLO_LOG_LEVEL=error",
			      NULL };
	struct reports reports;
	struct tb_config *config;

	(void)state;
	assert_int_equal(load("data: file\nserver: {workers: 2}\n", env,
			      &reports, &config),
			 TB_OK);
	assert_string_equal(config->program.data, "/from/env");
	assert_int_equal(config->server.workers, 9);
	assert_string_equal(config->server.trusted_proxies[1], "::1");
	assert_int_equal(config->program.log_level, TB_LOG_ERROR);
	tb_config_destroy(config);
}

static void a_wrong_variable_is_refused_by_its_name(void **state)
{
	const char *env[] = { "TOMBOLO_SERVER_WORKERS=none", NULL };
	struct reports reports;
	struct tb_config *config;

	(void)state;
	assert_int_equal(load("", env, &reports, &config), TB_ERR_INVALID);
	assert_string_equal(reports.texts[0],
			    "environment: TOMBOLO_SERVER_WORKERS: expected a "
			    "whole number from 1 to 1024");
}

static void the_command_line_overrides_the_environment(void **state)
{
	const char *env[] = { "TOMBOLO_DATA=/from/env", NULL };
	struct tb_config_source source = { .env = env,
					   .data = "/from/option",
					   .listen = "127.0.0.1:7" };
	struct reports reports = { .n = 0 };
	struct tb_config *config;

	(void)state;
	assert_int_equal(tb_config_load(&source, report, &reports, &config),
			 TB_OK);
	assert_string_equal(config->program.data, "/from/option");
	assert_string_equal(config->server.listen, "127.0.0.1:7");
	tb_config_destroy(config);
	source.listen = "127.0.0.1:70000";
	assert_int_equal(tb_config_load(&source, report, &reports, &config),
			 TB_ERR_INVALID);
	assert_non_null(strstr(reports.texts[0], "command line: listen: "));
}

static const char clinic[] =
	"collections:\n"
	"  - name: item\n"
	"    route: central\n"
	"  - name: transact\n"
	"    route: store\n"
	"    field: store_ID\n"
	"    also:\n"
	"      - {field: other_store_ID, when_field: status, when_value: fn}\n"
	"  - name: trans_line\n"
	"    route: parent\n"
	"    parent: transact\n"
	"    field: transaction_ID\n"
	"    conflict: centre\n"
	"    fields:\n"
	"      - {name: quantity, type: integer, required: true, "
	"nullable: false, centre_wins: true}\n"
	"      - {name: kind, type: enum, values: [a, 'b, c']}\n";

static void collections_are_read_whole(void **state)
{
	struct tb_config *config = good(clinic);
	const struct tb_collection *c = config->declaration.collections;

	(void)state;
	assert_int_equal(config->declaration.n_collections, 3);
	assert_int_equal(c[0].routing, TB_ROUTING_CENTRAL);
	assert_int_equal(c[1].routing, TB_ROUTING_STORE);
	assert_true(tb_str_eq(c[1].field, TB_STR("store_ID")));
	assert_true(c[1].is_parent);
	assert_int_equal(c[1].n_also, 1);
	assert_true(tb_str_eq(c[1].also[0].when_value, TB_STR("fn")));
	assert_int_equal(c[2].routing, TB_ROUTING_PARENT);
	assert_true(c[2].centre_wins);
	assert_int_equal(c[2].n_fields, 2);
	assert_int_equal(c[2].fields[0].type, TB_FIELD_INTEGER);
	assert_true(c[2].fields[0].required);
	assert_false(c[2].fields[0].nullable);
	assert_true(c[2].fields[0].centre_wins);
	assert_int_equal(c[2].fields[1].n_values, 2);
	assert_true(tb_str_eq(c[2].fields[1].values[1], TB_STR("b, c")));
	tb_config_destroy(config);
}

static void wrong_collections_are_refused_with_their_lines(void **state)
{
	(void)state;
	refused("collections: 17\n",
		":1: collections: expected a list of at most 4096");
	refused("collections:\n  - route: central\n",
		":2: collections[0].name: expected a name");
	refused("collections:\n  - name: a\n",
		":2: collections[0].route: expected central, store or parent");
	refused("collections:\n  - name: a\n    route: nowhere\n",
		":3: collections[0].route: expected central, store or parent");
	refused("collections:\n  - name: a\n    route: central\n    x: 1\n",
		":4: collections[0].x: expected a known key");
	refused("collections:\n  - {name: a, route: store}\n",
		":2: collections[0].field: expected the field that names it");
	refused("collections:\n  - {name: a, route: central, field: f}\n",
		":2: collections[0].field: expected none with route central");
	refused("collections:\n  - {name: a, route: central}\n"
		"  - {name: a, route: central}\n",
		":3: collections[1].name: expected a name not given before");
}

static void wrong_parents_are_refused_with_their_lines(void **state)
{
	(void)state;
	refused("collections:\n"
		"  - {name: a, route: parent, parent: b, field: f}\n",
		":2: collections[0].parent: expected a collection that is "
		"declared");
	refused("collections:\n"
		"  - {name: a, route: parent, parent: a, field: f}\n",
		":2: collections[0].parent: expected one that does not lead "
		"back here");
	refused("collections:\n  - {name: a, route: parent, field: f}\n",
		":2: collections[0].parent: expected a collection with route "
		"parent, and none with another");
}

static void wrong_fields_are_refused_with_their_lines(void **state)
{
	static const char head[] = "collections:\n  - name: a\n"
				   "    route: central\n    fields:\n";
	static const struct {
		const char *line;
		const char *expected;
	} cases[] = {
		{ "      - {name: f}\n",
		  ":5: collections[0].fields[0].type: expected a type" },
		{ "      - {name: f, type: float}\n",
		  ":5: collections[0].fields[0].type: expected string, "
		  "integer, decimal, boolean, datetime, date, enum, json or "
		  "text" },
		{ "      - {name: f, type: enum}\n",
		  ":5: collections[0].fields[0].values: expected values with "
		  "type enum, and none with another" },
		{ "      - {name: f, type: date, values: [a]}\n",
		  ":5: collections[0].fields[0].values: expected values with "
		  "type enum, and none with another" },
		{ "      - {name: f, type: date}\n      - {name: f, "
		  "type: date}\n",
		  ":6: collections[0].fields[1].name: expected a name not "
		  "given before" },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "%s%s", head, cases[i].line);
		refused(text, cases[i].expected);
	}
}

static void put_config(struct tb_buf *buf, const struct tb_config *config)
{
	tb_buf_init(buf, 1024 * 1024);
	tb_config_put(buf, config);
	tb_buf_append_char(buf, '\0');
	assert_int_equal(tb_buf_err(buf), TB_OK);
}

static void what_is_shown_can_be_read_back(void **state)
{
	struct tb_config *config = good(clinic);
	struct tb_config *again;
	struct tb_buf first;
	struct tb_buf second;

	(void)state;
	config->server.workers = 77;
	put_config(&first, config);
	again = good(first.p);
	assert_int_equal(again->server.workers, 77);
	put_config(&second, again);
	assert_string_equal(first.p, second.p);
	tb_buf_fini(&first);
	tb_buf_fini(&second);
	tb_config_destroy(config);
	tb_config_destroy(again);
}

static void comments_that_are_shown_fit_their_lines(void **state)
{
	struct tb_config *config = good("");
	struct tb_buf shown;
	struct tb_str rest;

	(void)state;
	put_config(&shown, config);
	rest = tb_buf_str(&shown);
	while (rest.p) {
		struct tb_str line = tb_str_trim(tb_str_cut(&rest, '\n'));

		if (line.n < 2 || line.p[0] != '#')
			continue;
		assert_true(line.n <= 80);
		assert_null(memchr(line.p + 1, '#', line.n - 1));
	}
	tb_buf_fini(&shown);
	tb_config_destroy(config);
}

static void every_setting_is_shown_with_its_doc(void **state)
{
	struct tb_settings_place places[TB_SETTINGS_PLACES_MAX];
	struct tb_config *config = good("");
	size_t n = tb_settings_places(config, places);
	const struct tb_setting *row;
	struct tb_buf shown;
	char line[128];

	(void)state;
	put_config(&shown, config);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < places[i].settings->n_rows; j++) {
			row = &places[i].settings->rows[j];
			assert_non_null(row->doc);
			if (row->kind == TB_SETTING_TEXT ||
			    row->kind == TB_SETTING_LIST)
				assert_non_null(row->expected);
			snprintf(line, sizeof(line), "\n%s%s: ",
				 places[i].settings->section[0] ? "  " : "",
				 row->name);
			assert_non_null(strstr(shown.p, line));
		}
	}
	tb_buf_fini(&shown);
	tb_config_destroy(config);
}

struct differences {
	char keys[8][64];
	bool reloadable[8];
	size_t n;
};

static void differ(void *ctx, const char *key, bool is_reloadable)
{
	struct differences *d = ctx;

	snprintf(d->keys[d->n], 64, "%s", key);
	d->reloadable[d->n++] = is_reloadable;
}

static void a_reload_says_which_settings_changed(void **state)
{
	struct tb_config *a = good("");
	struct tb_config *b = good("log: {level: debug}\n"
				   "server: {workers: 5}\n"
				   "collections:\n"
				   "  - {name: x, route: central}\n");
	struct differences d = { .n = 0 };

	(void)state;
	assert_int_equal(tb_config_compare(a, b, differ, &d), TB_OK);
	assert_int_equal(d.n, 3);
	assert_string_equal(d.keys[0], "log.level");
	assert_true(d.reloadable[0]);
	assert_string_equal(d.keys[1], "server.workers");
	assert_false(d.reloadable[1]);
	assert_string_equal(d.keys[2], "collections");
	tb_config_destroy(a);
	tb_config_destroy(b);
}

/* With the n-th allocation failing, for every n, loading fails cleanly or
 * does not need it. */
static void every_allocation_may_fail(void **state)
{
	struct reports reports;
	struct tb_config *config;
	enum tb_err err = TB_ERR_NOMEM;
	uint64_t n = 0;

	(void)state;
	do {
		config = NULL;
		tb_alloc_fail_at(++n);
		err = load(clinic, NULL, &reports, &config);
		tb_alloc_fail_at(0);
		assert_true(err == TB_OK || err == TB_ERR_NOMEM);
		assert_true(err == TB_OK || config == NULL);
		tb_config_destroy(config);
	} while (err == TB_ERR_NOMEM);
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_the_defaults),
		cmocka_unit_test(values_of_the_file_are_taken),
		cmocka_unit_test(an_unknown_setting_is_refused_with_its_line),
		cmocka_unit_test(a_wrong_number_is_refused_with_its_range),
		cmocka_unit_test(wrong_values_say_what_was_expected),
		cmocka_unit_test(a_list_names_what_its_items_must_be),
		cmocka_unit_test(a_key_given_twice_is_refused),
		cmocka_unit_test(what_is_not_yaml_is_refused_with_its_line),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(all_mistakes_are_reported_at_once),
		cmocka_unit_test(the_environment_overrides_the_file),
		cmocka_unit_test(a_wrong_variable_is_refused_by_its_name),
		cmocka_unit_test(the_command_line_overrides_the_environment),
		cmocka_unit_test(collections_are_read_whole),
		cmocka_unit_test(
			wrong_collections_are_refused_with_their_lines),
		cmocka_unit_test(wrong_parents_are_refused_with_their_lines),
		cmocka_unit_test(wrong_fields_are_refused_with_their_lines),
		cmocka_unit_test(a_preset_is_below_all_others),
		cmocka_unit_test(open_devices_are_refused_off_loopback),
		cmocka_unit_test(what_is_shown_can_be_read_back),
		cmocka_unit_test(comments_that_are_shown_fit_their_lines),
		cmocka_unit_test(every_setting_is_shown_with_its_doc),
		cmocka_unit_test(a_reload_says_which_settings_changed),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
