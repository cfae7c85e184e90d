/* A store that is opened with other collections than before: records get
 * their places anew, or the collection stays as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/redeclare.h"
#include "codec/digest.h"
#include "engine/engine.h"
#include "kernel/directory.h"
#include "kernel/push.h"
#include "kernel/redeclare.h"
#include "kernel/restart.h"
#include "kernel/sight.h"

/* One folder of data, opened again and again. */
struct stand {
	char folder[64];
	struct tb_arena *arena;
	struct tb_config *config;
	struct tb_engine *engine;
	struct tb_core *core;
	char texts[8][512]; /* what was reported of the last opening */
	size_t n_mistakes;
	size_t n;
};

static void print(void *ctx, const char *text)
{
	(void)ctx;
	print_error("%s\n", text);
}

static void report(void *ctx, bool is_mistake, const char *text)
{
	struct stand *s = ctx;

	assert_true(s->n < 8);
	s->n_mistakes += is_mistake;
	snprintf(s->texts[s->n++], 512, "%s", text);
}

static void load(struct stand *s, const char *yaml)
{
	struct tb_config_source source = { .data = s->folder };
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/tombolo.yaml", s->folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(yaml, file);
	fclose(file);
	source.path = path;
	assert_int_equal(tb_config_load(&source, print, NULL, &s->config),
			 TB_OK);
	s->config->engine.at.create = true;
	assert_int_equal(tb_engine_open(&s->config->engine, &s->engine), TB_OK);
	s->core = tb_engine_core(s->engine);
}

static void shut(struct stand *s)
{
	tb_engine_close(s->engine);
	tb_config_destroy(s->config);
	s->engine = NULL;
	s->config = NULL;
}

/* As a server starts. */
static void start(struct stand *s, const char *yaml)
{
	if (s->engine)
		shut(s);
	s->n = 0;
	s->n_mistakes = 0;
	load(s, yaml);
	assert_int_equal(tb_redeclare(s->config, s->core, report, s), TB_OK);
}

static int set_up(void **state)
{
	struct stand *s = calloc(1, sizeof(*s));
	struct tb_audit_note note = { .operation = NULL };
	uint32_t org;

	assert_non_null(s);
	snprintf(s->folder, sizeof(s->folder), "/tmp/test_redeclare.XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	s->arena = tb_arena_create(16 * 1024 * 1024);
	load(s, "{}");
	assert_int_equal(tb_directory_add_org(s->core, &note, TB_STR("main"),
					      TB_STR("Main"), 7, &org),
			 TB_OK);
	assert_int_equal(org, 1);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "tombolo.db", "tombolo.db-wal",
					     "tombolo.db-shm", "tombolo.yaml" };
	struct stand *s = *state;
	char path[128];

	shut(s);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->folder, names[i]);
		unlink(path);
	}
	rmdir(s->folder);
	tb_arena_destroy(s->arena);
	free(s);
	return 0;
}

static void push(struct stand *s, const char *table, const char *id,
		 const char *data)
{
	struct tb_push_item item = { .table = tb_str_z(table),
				     .id = tb_str_z(id),
				     .action = TB_PUSH_UPSERT,
				     .data = tb_str_z(data),
				     .record = tb_str_z(data) };
	struct tb_push push = { .site_id = TB_ORIGIN_CENTRE,
				.may_edit_central = true,
				.items = &item,
				.n_items = 1,
				.arena = s->arena };

	assert_int_equal(
		tb_push_prepare(&push, tb_core_declaration(s->core), 1), TB_OK);
	assert_int_equal(tb_core_commit(s->core, &push.commit), TB_OK);
	assert_int_equal(item.outcome, TB_PUSH_ACCEPTED);
}

static const struct tb_record *find(struct stand *s, const char *table,
				    const char *id)
{
	struct tb_key key = { .org = 1,
			      .coll = TB_COLL_COLLECTION,
			      .key = tb_str_z(table) };
	struct tb_record *record = NULL;
	struct tb_tx *tx;

	assert_int_equal(tb_core_read(s->core, &tx), TB_OK);
	assert_int_equal(tx->store->ops->find(tx, s->arena, &key, 1, &record),
			 TB_OK);
	assert_non_null(record);
	key.coll = record->rid;
	key.key = tb_str_z(id);
	assert_int_equal(tx->store->ops->find(tx, s->arena, &key, 1, &record),
			 TB_OK);
	tb_core_read_end(tx);
	assert_non_null(record);
	return record;
}

static bool has_place(const struct tb_record *record, uint8_t flag)
{
	uint8_t wanted = TB_ENTRY_PRESENT | flag;

	for (size_t i = 0; i < record->n_entries; i++)
		if ((record->entries[i].flags & wanted) == wanted)
			return true;
	return false;
}

static uint64_t head(struct stand *s)
{
	struct tb_heads heads;

	assert_int_equal(tb_core_heads(s->core, 1, &heads), TB_OK);
	return heads.head;
}

static struct tb_restart resighted(struct stand *s, const char *collection)
{
	struct tb_restart restart = { .num = 99 };
	struct tb_tx *tx;

	assert_int_equal(tb_core_read(s->core, &tx), TB_OK);
	assert_int_equal(tb_restart_read(tx, s->arena, 1, TB_RESTART_SIGHT,
					 tb_str_z(collection), &restart),
			 TB_OK);
	tb_core_read_end(tx);
	return restart;
}

static const struct tb_collection *declared(struct stand *s, const char *name)
{
	return tb_declaration_find(&s->config->declaration, tb_str_z(name));
}

#define TABLE "collections:\n  - {name: things, route: central}\n"
#define RESOURCE(type)                                                         \
	"collections:\n"                                                       \
	"  - name: things\n"                                                   \
	"    path: things\n"                                                   \
	"    id: integer\n"                                                    \
	"    route: central\n"                                                 \
	"    fields: [{name: size, type: " type "}]\n"

static void a_start_without_a_change_writes_nothing(void **state)
{
	struct stand *s = *state;
	uint64_t before;

	start(s, RESOURCE("integer"));
	assert_int_equal(s->n, 0);
	push(s, "things", "a", "{\"size\":1}");
	before = head(s);
	start(s, RESOURCE("integer"));
	assert_int_equal(s->n, 0);
	assert_int_equal(head(s), before);
}

static void what_becomes_a_resource_gets_ids_and_places(void **state)
{
	struct stand *s = *state;

	start(s, TABLE);
	push(s, "things", "abc", "{\"size\":1}");
	push(s, "things", "7", "{\"size\":2}");
	assert_int_equal(tb_record_id(find(s, "things", "abc")), 0);
	start(s, RESOURCE("integer"));
	assert_int_equal(s->n_mistakes, 0);
	assert_non_null(strstr(s->texts[0], "placed anew"));
	assert_int_equal(tb_record_id(find(s, "things", "7")), 7);
	assert_int_equal(tb_record_id(find(s, "things", "abc")), 8);
	assert_true(has_place(find(s, "things", "abc"), TB_ENTRY_SIGHT));
	start(s, TABLE);
	assert_false(has_place(find(s, "things", "abc"), TB_ENTRY_SIGHT));
	assert_int_equal(tb_record_id(find(s, "things", "abc")), 8);
}

static void many_records_are_placed(void **state)
{
	struct stand *s = *state;
	char id[16];

	start(s, TABLE);
	for (int i = 0; i < 1100; i++) {
		snprintf(id, sizeof(id), "r%d", i);
		push(s, "things", id, "{}");
	}
	start(s, RESOURCE("integer"));
	for (int i = 0; i < 1100; i++) {
		snprintf(id, sizeof(id), "r%d", i);
		assert_int_equal(tb_record_id(find(s, "things", id)), i + 1);
	}
}

static void a_type_that_records_contradict_is_not_put_in_force(void **state)
{
	struct stand *s = *state;

	start(s, RESOURCE("string"));
	push(s, "things", "1", "{\"size\":\"large\"}");
	push(s, "things", "2", "{\"size\":\"small\"}");
	push(s, "things", "3", "{}");
	/* Twice: it is no more in force the second time. */
	for (int i = 0; i < 2; i++) {
		start(s, "\n" RESOURCE("integer"));
		assert_int_equal(s->n, 1);
		assert_int_equal(s->n_mistakes, 1);
		assert_non_null(strstr(
			s->texts[0],
			"tombolo.yaml:3: collection `things`: 2 records "
			"contradict it, as `1`: field \"size\": expected "
			"an integer; it stays as it was declared "
			"before"));
		assert_int_equal(declared(s, "things")->fields[0].type,
				 TB_FIELD_STRING);
	}
	start(s, RESOURCE("text"));
	assert_int_equal(s->n_mistakes, 0);
	/* It moves nothing, so that there is nothing to tell. */
	assert_int_equal(s->n, 0);
	assert_int_equal(declared(s, "things")->fields[0].type, TB_FIELD_TEXT);
}

/* What stays may not fit to what is new around it. */
static void where_one_cannot_stay_alone_all_stay(void **state)
{
#define TWO(type)                                                              \
	"collections:\n"                                                       \
	"  - name: things\n"                                                   \
	"    path: things\n"                                                   \
	"    route: central\n"                                                 \
	"    fields: [{name: size, type: " type "}]\n"                         \
	"  - name: uses\n"                                                     \
	"    path: uses\n"                                                     \
	"    route: central\n"                                                 \
	"    fields:\n"                                                        \
	"      - {name: thing, type: string, references: things}\n"            \
	"      - {name: size, type: " type ", from: thing, show: size}\n"
	struct stand *s = *state;

	start(s, TWO("string"));
	push(s, "things", "1", "{\"size\":\"large\"}");
	start(s, TWO("integer") "  - {name: more, route: central}\n");
	assert_int_equal(s->n_mistakes, 2);
	assert_int_equal(declared(s, "things")->fields[0].type,
			 TB_FIELD_STRING);
	assert_int_equal(declared(s, "uses")->fields[1].type, TB_FIELD_STRING);
	assert_non_null(declared(s, "more"));
}

/* Whoever read before other rules must start over, and only they. */
static void other_rules_let_readers_start_over(void **state)
{
	static const char *const rules[] = { "{role: a}", "{role: b}",
					     "{role: b}" };
	struct stand *s = *state;
	struct tb_heads before;
	char text[512];

	for (int i = 0; i < 3; i++) {
		struct tb_restart restart;

		snprintf(text, sizeof(text),
			 "collections:\n"
			 "  - {name: others, path: others, route: central}\n"
			 "  - {name: things, path: things, route: central, "
			 "visible: [%s]}\n",
			 rules[i]);
		start(s, text);
		restart = resighted(s, "others");
		assert_int_equal(restart.num, 0);
		restart = resighted(s, "things");
		if (i == 1) {
			assert_true(restart.num > before.head);
			assert_true(restart.us > before.last_us);
		}
		assert_true(restart.num <= head(s));
		assert_int_equal(restart.num != 0, i != 0);
		assert_true(i != 2 || restart.num <= before.head);
		assert_int_equal(tb_core_heads(s->core, 1, &before), TB_OK);
	}
}

/* Whose ids a rule's field holds decides who is meant by them. */
static void a_reference_of_a_rule_lets_readers_start_over(void **state)
{
#define SHOWN_BY(references)                                                   \
	"collections:\n"                                                       \
	"  - {name: doctors, route: central, id: integer}\n"                   \
	"  - name: visits\n"                                                   \
	"    route: central\n"                                                 \
	"    fields:\n"                                                        \
	"      - {name: who, type: string, references: people}\n"              \
	"      - {name: doctor, type: integer" references "}\n"                \
	"  - name: people\n"                                                   \
	"    path: people\n"                                                   \
	"    route: central\n"                                                 \
	"    visible: [{role: doctor, through: visits, reference: who, "       \
	"field: doctor}]\n"
	struct stand *s = *state;

	start(s, SHOWN_BY(""));
	start(s, SHOWN_BY(", references: doctors"));
	assert_int_equal(s->n_mistakes, 0);
	assert_int_not_equal(resighted(s, "people").num, 0);
}

static void one_that_goes_lets_readers_start_over(void **state)
{
	struct stand *s = *state;

	start(s, RESOURCE("integer"));
	start(s, TABLE);
	assert_int_not_equal(resighted(s, "things").num, 0);
}

static void keep(struct stand *s, const char *text)
{
	assert_int_equal(tb_redeclare_keep(s->core, 1, tb_str_z(text), NULL, 0),
			 TB_OK);
}

/* The server was killed when it had placed records, and before it noted that:
 * the next start places them by what is declared then. */
static void placing_that_was_broken_off_is_begun_again(void **state)
{
	static const char before[] = "{\"things\":\"";
	struct stand *s = *state;
	struct tb_str kept;
	char text[512];

	start(s, TABLE);
	push(s, "things", "abc", "{\"size\":1}");
	assert_int_equal(tb_redeclare_kept(s->core, s->arena, 1, &kept), TB_OK);
	assert_memory_equal(kept.p, before, strlen(before));
	start(s, RESOURCE("integer"));
	assert_true(has_place(find(s, "things", "abc"), TB_ENTRY_SIGHT));
	snprintf(text, sizeof(text), "%s# being placed anew\\n%.*s", before,
		 (int)(kept.n - strlen(before)), kept.p + strlen(before));
	keep(s, text);
	/* Commands act by what was in force. */
	assert_int_equal(tb_redeclare_take(s->config, s->core), TB_OK);
	assert_null(declared(s, "things")->path.p);
	start(s, TABLE);
	assert_false(has_place(find(s, "things", "abc"), TB_ENTRY_SIGHT));
	assert_int_equal(tb_redeclare_kept(s->core, s->arena, 1, &kept), TB_OK);
	assert_null(strstr(kept.p, "being placed"));
}

static void ids_that_are_known_keep_their_type(void **state)
{
	static const char strings[] =
		"collections:\n"
		"  - {name: things, path: things, route: central}\n";
	static const char integers[] =
		"collections:\n"
		"  - {name: things, path: things, id: integer, route: "
		"central}\n";
	struct stand *s = *state;

	start(s, strings);
	start(s, integers);
	assert_int_equal(s->n_mistakes, 0);
	push(s, "things", "1", "{}");
	start(s, strings);
	assert_int_equal(s->n_mistakes, 1);
	assert_int_equal(declared(s, "things")->id_type, TB_ID_INTEGER);
}

/* Of a store that an earlier version wrote nothing is kept. */
static void without_a_before_it_stays_a_table(void **state)
{
	struct stand *s = *state;

	shut(s);
	load(s, TABLE);
	push(s, "things", "1", "{\"size\":\"large\"}");
	start(s, RESOURCE("integer"));
	assert_int_equal(s->n_mistakes, 1);
	assert_null(declared(s, "things")->path.p);
	assert_int_equal(declared(s, "things")->routing, TB_ROUTING_CENTRAL);
}

static void a_new_org_was_used_with_what_was_in_force(void **state)
{
	struct tb_audit_note note = { .operation = NULL };
	struct stand *s = *state;
	struct tb_str kept;
	uint32_t org;

	start(s, RESOURCE("string"));
	assert_int_equal(tb_directory_add_org(s->core, &note, TB_STR("other"),
					      TB_STR("Other"), 8, &org),
			 TB_OK);
	push(s, "things", "1", "{\"size\":\"large\"}");
	start(s, RESOURCE("integer"));
	assert_int_equal(tb_redeclare_kept(s->core, s->arena, org, &kept),
			 TB_OK);
	assert_non_null(strstr(kept.p, "string"));
}

static void one_that_comes_back_counts_as_changed(void **state)
{
	struct stand *s = *state;

	start(s, RESOURCE("integer"));
	push(s, "things", "1", "{}");
	start(s, "collections: []\n");
	push(s, "things", "later", "{}");
	start(s, RESOURCE("integer"));
	assert_int_equal(tb_record_id(find(s, "things", "later")), 2);
}

/* A rule of the seen brings the records that show them to their places. */
static void a_new_rule_shows_by_records_that_were_there(void **state)
{
	static const char head_text[] =
		"collections:\n"
		"  - name: visits\n"
		"    route: central\n"
		"    fields:\n"
		"      - {name: who, type: string, references: people}\n"
		"      - {name: doctor, type: string}\n"
		"  - name: people\n"
		"    path: people\n"
		"    route: central\n";
	struct stand *s = *state;
	char text[1024];

	start(s, head_text);
	push(s, "people", "p", "{}");
	push(s, "visits", "v", "{\"who\":\"p\",\"doctor\":\"d\"}");
	assert_false(has_place(find(s, "people", "p"), TB_ENTRY_DERIVED));
	snprintf(text, sizeof(text),
		 "%s    visible: [{role: doctor, through: visits, reference: "
		 "who, field: doctor}]\n",
		 head_text);
	start(s, text);
	assert_true(has_place(find(s, "people", "p"), TB_ENTRY_DERIVED));
}

static void commands_act_by_what_is_in_force(void **state)
{
	struct stand *s = *state;

	start(s, RESOURCE("string"));
	push(s, "things", "1", "{\"size\":\"large\"}");
	shut(s);
	load(s, RESOURCE("integer") "  - {name: more, route: central}\n");
	assert_int_equal(tb_redeclare_take(s->config, s->core), TB_OK);
	assert_int_equal(declared(s, "things")->fields[0].type,
			 TB_FIELD_STRING);
	assert_int_equal(declared(s, "more")->routing, TB_ROUTING_CENTRAL);
	assert_ptr_equal(tb_core_declaration(s->core), &s->config->declaration);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_start_without_a_change_writes_nothing),
		CASE(what_becomes_a_resource_gets_ids_and_places),
		CASE(many_records_are_placed),
		CASE(a_type_that_records_contradict_is_not_put_in_force),
		CASE(where_one_cannot_stay_alone_all_stay),
		CASE(other_rules_let_readers_start_over),
		CASE(a_reference_of_a_rule_lets_readers_start_over),
		CASE(one_that_goes_lets_readers_start_over),
		CASE(placing_that_was_broken_off_is_begun_again),
		CASE(ids_that_are_known_keep_their_type),
		CASE(without_a_before_it_stays_a_table),
		CASE(a_new_org_was_used_with_what_was_in_force),
		CASE(one_that_comes_back_counts_as_changed),
		CASE(a_new_rule_shows_by_records_that_were_there),
		CASE(commands_act_by_what_is_in_force),
	};

	if (tb_digest_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
