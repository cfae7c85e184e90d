/* Collections that are resources: what is read of them, which mistakes are
 * named on which line, and that what is shown reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config.h"
#include "app/config_declaration.h"
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

static enum tb_err load(const char *text, struct reports *reports,
			struct tb_config **ret)
{
	char path[64] = "/tmp/test_declaration.XXXXXX";
	struct tb_config_source source = { .path = path };
	int fd = mkstemp(path);
	enum tb_err err;
	FILE *file;

	reports->n = 0;
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	err = tb_config_load(&source, report, reports, ret);
	unlink(path);
	return err;
}

static struct tb_config *good(const char *text)
{
	struct reports reports;
	struct tb_config *config = NULL;
	enum tb_err err = load(text, &reports, &config);

	if (err && reports.n > 0)
		print_error("%s\n", reports.texts[0]);
	assert_int_equal(err, TB_OK);
	return config;
}

static void refused(const char *text, const char *expected)
{
	struct reports reports;
	struct tb_config *config;

	assert_int_equal(load(text, &reports, &config), TB_ERR_INVALID);
	assert_int_equal(reports.n, 1);
	assert_non_null(strchr(reports.texts[0], ':'));
	assert_string_equal(strchr(reports.texts[0], ':'), expected);
}

static const char clinic[] =
	"collections:\n"
	"  - {name: owners, id: integer, route: central, fields: [\n"
	"      {name: name, type: string}]}\n"
	"  - name: visit_notes\n"
	"    path: visit-notes\n"
	"    id: integer\n"
	"    order: commit\n"
	"    route: store\n"
	"    field: store_id\n"
	"    times: {updated: changed}\n"
	"    writers: [staff, nurse]\n"
	"    base: optional\n"
	"    history: 3\n"
	"    max_token_age: 600\n"
	"    visible:\n"
	"      - {role: staff}\n"
	"      - {role: any, field: owner_id}\n"
	"      - {role: guest, field: id}\n"
	"    filters:\n"
	"      - {field: kind, doc: 'Only \"those\" of this kind'}\n"
	"      - {field: owner_id}\n"
	"    fields:\n"
	"      - {name: kind, type: enum, values: [a, b], writable: [any]}\n"
	"      - {name: owner_id, type: integer, references: owners}\n"
	"      - {name: owner_name, type: string, from: owner_id, show: name}\n"
	"      - {name: note, type: text, read_only: yes}\n"
	"      - {name: store_id, type: string, hidden: yes}\n"
	"  - name: members\n"
	"    path: members\n"
	"    route: central\n"
	"    visible:\n"
	"      - {role: any, through: memberships, reference: member, "
	"field: owner_id}\n"
	"  - name: memberships\n"
	"    route: central\n"
	"    fields:\n"
	"      - {name: member, type: string, references: members}\n"
	"      - {name: owner_id, type: integer, references: owners}\n";

static bool is(struct tb_str s, const char *z)
{
	return s.p != NULL && tb_str_eq(s, tb_str_z(z));
}

static void a_resource_is_read_whole(void **state)
{
	struct tb_config *config = good(clinic);
	const struct tb_collection *c = &config->declaration.collections[1];

	(void)state;
	assert_ptr_equal(tb_declaration_find_path(&config->declaration,
						  TB_STR("visit-notes")),
			 c);
	assert_int_equal(c->id_type, TB_ID_INTEGER);
	assert_int_equal(c->order, TB_ORDER_COMMIT);
	assert_true(is(c->updated_name, "changed"));
	assert_null(c->created_name.p);
	assert_null(c->synced_name.p);
	assert_int_equal(c->n_writers, 2);
	assert_true(is(c->writers[1], "nurse"));
	assert_true(c->base_optional);
	assert_int_equal(c->history, 3);
	assert_int_equal(c->max_token_age_s, 600);
	assert_int_equal(c->n_rules, 3);
	assert_true(is(c->rules[1].role, "any"));
	assert_true(is(c->rules[1].field, "owner_id"));
	assert_null(c->rules[0].field.p);
	assert_int_equal(c->n_filters, 2);
	assert_true(is(c->filters[0].doc, "Only \"those\" of this kind"));
	assert_true(is(c->fields[0].writers[0], "any"));
	assert_true(is(c->fields[1].references, "owners"));
	assert_true(is(c->fields[2].from, "owner_id"));
	assert_true(is(c->fields[2].show, "name"));
	assert_true(c->fields[2].read_only);
	assert_int_equal(c->fields[3].type, TB_FIELD_TEXT);
	assert_true(c->fields[3].read_only);
	assert_true(c->fields[4].hidden);
	tb_config_destroy(config);
}

static void what_is_not_said_has_its_default(void **state)
{
	struct tb_config *config = good("collections:\n"
					"  - {name: a, path: a, route: "
					"central}\n");
	const struct tb_collection *c = config->declaration.collections;

	(void)state;
	assert_int_equal(c->id_type, TB_ID_STRING);
	assert_int_equal(c->order, TB_ORDER_ID);
	assert_true(is(c->created_name, "created_at"));
	assert_true(is(c->updated_name, "updated_at"));
	assert_true(is(c->synced_name, "last_synced_at"));
	assert_false(c->base_optional);
	assert_int_equal(c->n_rules, 0);
	tb_config_destroy(config);
}

static void what_follows_is_worked_out(void **state)
{
	struct tb_config *config = good(clinic);
	const struct tb_collection *c = config->declaration.collections;

	(void)state;
	assert_true(c[0].is_shown);
	assert_int_equal(c[1].n_indexed, 3);
	assert_true(c[2].is_derived);
	assert_int_equal(c[3].n_derivations, 1);
	assert_ptr_equal(c[3].derivations[0].to, &c[2]);
	tb_config_destroy(config);
}

static void put(struct tb_buf *buf, const struct tb_config *config)
{
	tb_buf_init(buf, 1024 * 1024);
	tb_config_put_declaration(buf, &config->declaration);
	tb_buf_append_char(buf, '\0');
	assert_int_equal(tb_buf_err(buf), TB_OK);
}

/* Every key is in the shown text, so that one that is not shown, or not read,
 * makes a difference. */
static void what_is_shown_reads_back(void **state)
{
	static const char *const keys[] = {
		"path: ",         "id: integer",
		"order: commit",  "writers: [",
		"base: optional", "history: 3",
		"visible:",       "max_token_age: ",
		"reference: ",    "through: ",
		"filters:",       "doc: ",
		"times: {",       "hidden: yes",
		"read_only: yes", "writable: [",
		"references: ",   "from: ",
		"show: ",         "updated: \"changed\"",
	};
	struct tb_config *config = good(clinic);
	struct tb_config *again;
	struct tb_buf first;
	struct tb_buf second;

	(void)state;
	put(&first, config);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_non_null(strstr(first.p, keys[i]));
	again = good(first.p);
	put(&second, again);
	assert_string_equal(first.p, second.p);
	assert_int_equal(again->declaration.collections[1].n_indexed, 3);
	tb_buf_fini(&first);
	tb_buf_fini(&second);
	tb_config_destroy(config);
	tb_config_destroy(again);
}

/* Names may hold what YAML takes only in other words. */
static void names_of_any_characters_read_back(void **state)
{
	static const char name[] = "a\"b\\c\x01\x7f\t\n\xc2\x80\xc2\x85"
				   "\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf"
				   "\xef\xbf\xbe\xe2\x82\xac # : ,}";
	struct tb_collection collection = { .name = tb_str_z(name),
					    .routing = TB_ROUTING_CENTRAL };
	struct tb_arena *arena = tb_arena_create(1024 * 1024);
	struct tb_collection again;
	struct tb_buf text;

	(void)state;
	tb_buf_init(&text, 4096);
	tb_config_put_collection(&text, &collection, true);
	assert_int_equal(tb_buf_err(&text), TB_OK);
	assert_int_equal(
		tb_config_parse_collection(arena, tb_buf_str(&text), &again),
		TB_OK);
	assert_true(tb_str_eq(again.name, collection.name));
	tb_buf_fini(&text);
	tb_arena_destroy(arena);
}

/* Lines of the collection at line 2, and what is said of them. */
struct wrong {
	const char *lines;
	const char *expected;
};

static void refuse_each(const char *head, const struct wrong *cases, size_t n)
{
	char text[2048];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s%s", head, cases[i].lines);
		refused(text, cases[i].expected);
	}
}

#define EXPECTED_PATH                                                          \
	"expected letters, digits and -, and none of sync, auth, v1, login "   \
	"and ping"
#define EXPECTED_A_WORD "expected letters, digits, - and _, 64 at most"
#define EXPECTED_A_PATH                                                        \
	"expected a path beside it, which makes the collection a resource"

static void wrong_paths_are_refused(void **state)
{
	static const struct wrong cases[] = {
		{ "    path: a_b\n",
		  ":4: collections[0].path: " EXPECTED_PATH },
		{ "    path: ''\n", ":4: collections[0].path: " EXPECTED_PATH },
		{ "    path: sync\n",
		  ":4: collections[0].path: " EXPECTED_PATH },
		{ "    path: v1\n", ":4: collections[0].path: " EXPECTED_PATH },
		{ "    path: b\n",
		  ":2: collections[0].name: expected the path with _ for -" },
		{ "    path: a-b\n    times: {created: c}\n",
		  ":5: collections[0].times.updated: expected a name" },
		{ "    path: a-b\n    times: [a]\n",
		  ":5: collections[0].times: expected names and values" },
		{ "    path: a-b\n    id: number\n",
		  ":5: collections[0].id: expected string or integer" },
	};

	(void)state;
	refuse_each("collections:\n  - name: a_b\n    route: central\n", cases,
		    sizeof(cases) / sizeof(cases[0]));
}

/* Feeds are named by them, with / and . between. */
static void what_feeds_are_named_by_is_a_word(void **state)
{
	static const struct wrong cases[] = {
		{ "    visible: [{role: any, field: f/g}]\n"
		  "    fields: [{name: f/g, type: string}]\n",
		  ":5: collections[0].visible[0].field: " EXPECTED_A_WORD },
		{ "    filters: [{field: f.g}]\n"
		  "    fields: [{name: f.g, type: string}]\n",
		  ":5: collections[0].filters[0].field: " EXPECTED_A_WORD },
	};

	(void)state;
	refuse_each("collections:\n  - name: a\n    route: central\n"
		    "    path: a\n",
		    cases, sizeof(cases) / sizeof(cases[0]));
}

static void what_only_resources_have_wants_a_path(void **state)
{
	static const struct wrong cases[] = {
		{ "    order: id\n",
		  ":4: collections[0].order: " EXPECTED_A_PATH },
		{ "    times: {updated: u}\n",
		  ":4: collections[0].times: " EXPECTED_A_PATH },
		{ "    visible: [{role: any}]\n",
		  ":4: collections[0].visible: " EXPECTED_A_PATH },
		{ "    writers: [any]\n",
		  ":4: collections[0].writers: " EXPECTED_A_PATH },
		{ "    filters: []\n",
		  ":4: collections[0].filters: " EXPECTED_A_PATH },
		{ "    base: optional\n",
		  ":4: collections[0].base: " EXPECTED_A_PATH },
		{ "    history: 1\n",
		  ":4: collections[0].history: " EXPECTED_A_PATH },
		{ "    max_token_age: 1\n",
		  ":4: collections[0].max_token_age: " EXPECTED_A_PATH },
		{ "    fields:\n      - {name: f, type: date, hidden: yes}\n",
		  ":5: collections[0].fields[0].hidden: expected a collection "
		  "with a path around it" },
	};

	(void)state;
	refuse_each("collections:\n  - name: a\n    route: central\n", cases,
		    sizeof(cases) / sizeof(cases[0]));
}

#define FIELD(text) "    fields:\n      - {name: " text "}\n"
#define OF_FIELD ":6: collections[0].fields[0]."

static void wrong_fields_of_resources_are_refused(void **state)
{
	static const struct wrong cases[] = {
		{ FIELD("id, type: integer"),
		  OF_FIELD "name: expected another name than id, deleted and "
			   "client_last_synced_at" },
		{ FIELD("updated_at, type: date"),
		  ":2: collections[0].times: expected names that differ from "
		  "each other, from fields, id and deleted (created_at, "
		  "updated_at and last_synced_at by default)" },
		{ FIELD("f, type: date, hidden: yes, writable: [any]"),
		  OF_FIELD "writable: expected none for a field that is hidden "
			   "or read_only" },
		{ FIELD("f, type: date, read_only: yes, writable: [any]"),
		  OF_FIELD "writable: expected none for a field that is hidden "
			   "or read_only" },
		{ FIELD("f, type: integer, references: b"),
		  OF_FIELD "references: expected a collection that is "
			   "declared" },
		{ FIELD("f, type: integer, references: a"),
		  OF_FIELD "type: expected string, as the ids are that it "
			   "refers to" },
		{ FIELD("f, type: date, from: g"),
		  OF_FIELD "show: expected from and show together" },
		{ FIELD("f, type: date, from: g, show: h"),
		  OF_FIELD "from: expected a field of this collection that has "
			   "references" },
		{ FIELD("f, type: date, from: f, show: h, required: yes"),
		  OF_FIELD "required: expected no for a field with from" },
		{ FIELD("f, type: date, from: f, show: h, writable: [any]"),
		  OF_FIELD "writable: expected none for a field with from" },
		{ FIELD("r, type: string, references: a") "      - {name: f, "
							  "type: date, from: "
							  "r, show: g}\n",
		  ":7: collections[0].fields[1].show: expected a field of the "
		  "same type that the collection referred to declares" },
		{ FIELD("r, type: string, references: a") "      - {name: f, "
							  "type: date, from: "
							  "r, show: r}\n",
		  ":7: collections[0].fields[1].show: expected a field of the "
		  "same type that the collection referred to declares" },
	};

	(void)state;
	refuse_each("collections:\n  - name: a\n    path: a\n"
		    "    route: central\n",
		    cases, sizeof(cases) / sizeof(cases[0]));
}

#define RULE(text) "    visible:\n      - {" text "}\n"
#define OF_RULE ":8: collections[0].visible[0]."
#define FILTER(text) "    filters:\n      - {" text "}\n"
#define OF_FILTER                                                              \
	":8: collections[0].filters[0].field: expected a field of this "       \
	"collection, neither json nor with from, and none of "                 \
	"last_sync_timestamp, limit, after and deleted"

static void wrong_rules_and_filters_are_refused(void **state)
{
	static const struct wrong cases[] = {
		{ RULE("field: f"), OF_RULE "role: expected a role" },
		{ RULE("role: any, field: x"),
		  OF_RULE "field: expected id, or a field of this collection, "
			  "neither json nor with from" },
		{ RULE("role: any, field: j"),
		  OF_RULE "field: expected id, or a field of this collection, "
			  "neither json nor with from" },
		{ RULE("role: any, through: a, field: f"),
		  OF_RULE "reference: expected through and reference "
			  "together" },
		{ RULE("role: any, through: a, reference: f"),
		  OF_RULE "field: expected a field with through" },
		{ RULE("role: any, through: x, reference: f, field: f"),
		  OF_RULE "through: expected a collection that is declared" },
		{ RULE("role: any, through: a, reference: f, field: f"),
		  OF_RULE "reference: expected a field of the collection "
			  "`through` that references this one" },
		{ RULE("role: any, through: a, reference: r, field: x"),
		  OF_RULE "field: expected a field of the collection "
			  "`through`, neither json nor with from" },
		{ FILTER("field: x"), OF_FILTER },
		{ FILTER("field: j"), OF_FILTER },
		{ FILTER("field: limit"), OF_FILTER },
		{ FILTER("field: f") "      - {field: f}\n",
		  ":9: collections[0].filters[1].field: expected a field not "
		  "given before" },
	};

	(void)state;
	refuse_each("collections:\n  - name: a\n    path: a\n"
		    "    route: central\n"
		    "    fields: [{name: f, type: date}, {name: j, type: json},"
		    " {name: limit, type: date},\n"
		    "      {name: r, type: string, references: a}]\n",
		    cases, sizeof(cases) / sizeof(cases[0]));
}

static void too_many_indexed_fields_are_refused(void **state)
{
	struct tb_buf text;

	(void)state;
	tb_buf_init(&text, 16384);
	tb_buf_append_z(&text, "collections:\n  - name: a\n    path: a\n"
			       "    route: central\n    visible:\n");
	for (int i = 0; i < TB_RULES_MAX; i++)
		tb_buf_printf(&text, "      - {role: any, field: f%d}\n", i);
	tb_buf_append_z(&text, "    filters: [{field: f16}]\n    fields:\n");
	for (int i = 0; i <= TB_RULES_MAX; i++)
		tb_buf_printf(&text, "      - {name: f%d, type: date}\n", i);
	tb_buf_append_char(&text, '\0');
	assert_int_equal(tb_buf_err(&text), TB_OK);
	refused(text.p, ":2: collections: expected at most 16 different fields "
			"in one collection's filters and visible");
	tb_buf_fini(&text);
}

/* With the n-th allocation failing, for every n, reading fails cleanly. */
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
		err = load(clinic, &reports, &config);
		tb_alloc_fail_at(0);
		assert_true(err == TB_OK || err == TB_ERR_NOMEM);
		tb_config_destroy(config);
	} while (err == TB_ERR_NOMEM);
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_resource_is_read_whole),
		cmocka_unit_test(what_is_not_said_has_its_default),
		cmocka_unit_test(what_follows_is_worked_out),
		cmocka_unit_test(what_is_shown_reads_back),
		cmocka_unit_test(names_of_any_characters_read_back),
		cmocka_unit_test(wrong_paths_are_refused),
		cmocka_unit_test(what_feeds_are_named_by_is_a_word),
		cmocka_unit_test(what_only_resources_have_wants_a_path),
		cmocka_unit_test(wrong_fields_of_resources_are_refused),
		cmocka_unit_test(wrong_rules_and_filters_are_refused),
		cmocka_unit_test(too_many_indexed_fields_are_refused),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
