/* When a server may start on which data, and what the demo is made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/ops/demo.h"
#include "api/ops/page.h"
#include "app/data.h"
#include "app/demo.h"
#include "app/demo_source.h"
#include "app/settings.h"
#include "codec/digest.h"
#include "codec/time.h"
#include "engine/engine.h"
#include "kernel/directory.h"
#include "kernel/view.h"

static void demo_and_real_data_never_mix(void **state)
{
	(void)state;
	assert_null(tb_demo_refusal(true, TB_DATA_EMPTY));
	assert_null(tb_demo_refusal(true, TB_DATA_DEMO));
	assert_non_null(tb_demo_refusal(true, TB_DATA_REAL));
	assert_non_null(tb_demo_refusal(true, TB_DATA_FOREIGN));
	assert_null(tb_demo_refusal(false, TB_DATA_REAL));
	assert_non_null(strstr(tb_demo_refusal(false, TB_DATA_DEMO), "--demo"));
	assert_non_null(strstr(tb_demo_refusal(false, TB_DATA_EMPTY), "init"));
	assert_non_null(
		strstr(tb_demo_refusal(false, TB_DATA_FOREIGN), "init"));
}

static void the_demo_listens_on_loopback_only(void **state)
{
	(void)state;
	assert_true(tb_demo_may_listen("127.0.0.1:8000"));
	assert_true(tb_demo_may_listen("[::1]:8000"));
	assert_false(tb_demo_may_listen("0.0.0.0:8000"));
	assert_false(tb_demo_may_listen("[::]:8000"));
	assert_false(tb_demo_may_listen("192.0.2.1:8000"));
}

static void report(void *ctx, const char *text)
{
	(void)ctx;
	print_error("%s\n", text);
}

/* A configuration whose data are in a new folder, with cheap hashing. */
static struct tb_config *make_config(char folder[64])
{
	const char *env[] = { "TOMBOLO_AUTH_ARGON2_MEM_BYTES=8192",
			      "TOMBOLO_AUTH_ARGON2_OPS=1", NULL };
	struct tb_config_source source = { .env = env, .data = folder };
	struct tb_config *config;

	snprintf(folder, 64, "/tmp/test_demo.XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(tb_config_load(&source, report, NULL, &config), TB_OK);
	assert_int_equal(tb_demo_apply_declaration(config), TB_OK);
	config->engine.at.create = true;
	return config;
}

static void the_example_is_what_the_demo_declares(void **state)
{
	static const char *const paths[] = { "patients", "appointments",
					     "pharmacy-inventory", "doctors" };
	char folder[64];
	struct tb_config *config = make_config(folder);
	const struct tb_collection *c;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_non_null(tb_declaration_find_path(&config->declaration,
							 tb_str_z(paths[i])));
	c = tb_declaration_find(&config->declaration, TB_STR("trans_line"));
	assert_non_null(c);
	assert_true(tb_str_eq(c->parent, TB_STR("transact")));
	/* What else the file says is not the demo's. */
	assert_ptr_equal(config->server.trusted_proxies,
			 tb_server_default_options.trusted_proxies);
	assert_int_equal(config->program.absence_max_days, 90);
	rmdir(folder);
	tb_config_destroy(config);
}

/* What the file says of the resources API is said by the demo, too, where the
 * configuration does not say otherwise. */
static void its_texts_are_the_demos_unless_others_are_given(void **state)
{
	static const char name[] = "strategy_description";
	const char *env[] = { "TOMBOLO_RESOURCES_STRATEGY=Mine", NULL };
	struct tb_config_source source = { .env = env, .data = "/nowhere" };
	const struct tb_setting *setting;
	struct tb_config *config;
	void *options;

	(void)state;
	assert_int_equal(tb_config_load(&source, report, NULL, &config), TB_OK);
	assert_int_equal(tb_demo_apply_declaration(config), TB_OK);
	assert_int_equal(tb_settings_locate(config, TB_STR("resources"),
					    tb_str_z(name), &setting, &options),
			 TB_OK);
	assert_non_null(strstr(
		*(const char **)((char *)options + setting->offset), "rural"));
	assert_int_equal(tb_settings_locate(config, TB_STR("resources"),
					    TB_STR("strategy"), &setting,
					    &options),
			 TB_OK);
	assert_string_equal(*(const char **)((char *)options + setting->offset),
			    "Mine");
	tb_config_destroy(config);
}

static void a_configuration_with_collections_keeps_them(void **state)
{
	struct tb_collection own = { .name = TB_STR("own") };
	char folder[64];
	struct tb_config *config = make_config(folder);

	(void)state;
	config->declaration.collections = &own;
	config->declaration.n_collections = 1;
	assert_int_equal(tb_demo_apply_declaration(config), TB_OK);
	assert_ptr_equal(config->declaration.collections, &own);
	rmdir(folder);
	tb_config_destroy(config);
}

static void remove_folder(const char *folder)
{
	static const char *const names[] = { "tombolo.db", "tombolo.db-wal",
					     "tombolo.db-shm", "letter.txt",
					     "tombolo.lock" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static enum tb_data_state look(const struct tb_config *config)
{
	enum tb_data_state state;

	assert_int_equal(tb_data_look(config, &state), TB_OK);
	return state;
}

static void fill(struct tb_config *config)
{
	struct tb_engine *engine;

	assert_int_equal(tb_engine_open(&config->engine, &engine), TB_OK);
	assert_int_equal(tb_demo_fill(config, tb_engine_core(engine)), TB_OK);
	tb_engine_close(engine);
}

static void a_folder_is_recognised_by_what_is_in_it(void **state)
{
	char folder[64];
	char path[128];
	struct tb_config *config = make_config(folder);
	FILE *file;

	(void)state;
	assert_int_equal(look(config), TB_DATA_EMPTY);
	snprintf(path, sizeof(path), "%s/letter.txt", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(look(config), TB_DATA_FOREIGN);
	unlink(path);
	fill(config);
	assert_int_equal(look(config), TB_DATA_DEMO);
	remove_folder(folder);
	assert_int_equal(look(config), TB_DATA_EMPTY);
	tb_config_destroy(config);
}

static void a_store_without_an_org_is_empty_and_with_one_real(void **state)
{
	struct tb_audit_note note = { .operation = NULL };
	char folder[64];
	struct tb_config *config = make_config(folder);
	struct tb_engine *engine;
	uint32_t org;

	(void)state;
	assert_int_equal(tb_engine_open(&config->engine, &engine), TB_OK);
	assert_int_equal(look(config), TB_DATA_EMPTY);
	assert_int_equal(tb_directory_add_org(tb_engine_core(engine), &note,
					      TB_STR("real"), TB_STR("Real"), 7,
					      &org),
			 TB_OK);
	assert_int_equal(look(config), TB_DATA_REAL);
	tb_engine_close(engine);
	remove_folder(folder);
	tb_config_destroy(config);
}

static size_t count_sites(struct tb_engine *engine)
{
	struct tb_arena *arena = tb_arena_create(1024 * 1024);
	struct tb_account sites[8];
	struct tb_org org;
	struct tb_tx *tx;
	uint64_t next;
	size_t n;

	assert_int_equal(tb_core_read(tb_engine_core(engine), &tx), TB_OK);
	assert_int_equal(tb_directory_find_org(tx, TB_STR(TB_DEMO_ORG), &org),
			 TB_OK);
	assert_string_equal(org.title, TB_DEMO_ORG_TITLE);
	assert_int_equal(tb_directory_list(tx, arena, TB_ACCOUNT_SITE, org.id,
					   0, sites, 8, &n, &next),
			 TB_OK);
	tb_core_read_end(tx);
	tb_arena_destroy(arena);
	return n;
}

/* The record of this table in the demo's org. */
static const struct tb_record *find(struct tb_tx *tx, struct tb_arena *arena,
				    const char *table, const char *id)
{
	struct tb_key key = { .org = 1,
			      .coll = TB_COLL_COLLECTION,
			      .key = tb_str_z(table) };
	struct tb_record *record = NULL;

	assert_int_equal(tx->store->ops->find(tx, arena, &key, 1, &record),
			 TB_OK);
	assert_non_null(record);
	key.coll = record->rid;
	key.key = tb_str_z(id);
	assert_int_equal(tx->store->ops->find(tx, arena, &key, 1, &record),
			 TB_OK);
	return record;
}

static void assert_time(int64_t us, const char *expected)
{
	int64_t wanted;

	assert_int_equal(tb_time_parse(tb_str_z(expected), 0, &wanted), TB_OK);
	assert_int_equal(us, wanted);
}

static void its_records_have_the_times_of_the_documentation(void **state)
{
	struct tb_arena *arena = tb_arena_create(1024 * 1024);
	const struct tb_record *record;
	char folder[64];
	struct tb_config *config = make_config(folder);
	struct tb_engine *engine;
	struct tb_tx *tx;

	(void)state;
	assert_int_equal(tb_engine_open(&config->engine, &engine), TB_OK);
	assert_int_equal(tb_demo_fill(config, tb_engine_core(engine)), TB_OK);
	assert_int_equal(tb_core_read(tb_engine_core(engine), &tx), TB_OK);
	record = find(tx, arena, "appointments", "102");
	assert_non_null(record);
	assert_time(record->created_us, "2024-01-10T15:45:00Z");
	assert_time(record->updated_us, "2024-01-18T13:20:00Z");
	record = find(tx, arena, "pharmacy_inventory", "3");
	assert_non_null(record);
	assert_time(record->created_us, "2024-01-16T09:00:00Z");
	assert_time(record->updated_us, "2024-01-21T10:15:00Z");
	assert_non_null(find(tx, arena, "patients", "2"));
	assert_non_null(find(tx, arena, "doctors", "12"));
	assert_non_null(find(tx, arena, "medicines", "22"));
	tb_core_read_end(tx);
	tb_engine_close(engine);
	tb_arena_destroy(arena);
	remove_folder(folder);
	tb_config_destroy(config);
}

static void filling_it_twice_makes_it_once(void **state)
{
	char folder[64];
	struct tb_config *config = make_config(folder);
	struct tb_engine *engine;
	struct tb_heads first;
	struct tb_heads second;

	(void)state;
	assert_int_equal(tb_engine_open(&config->engine, &engine), TB_OK);
	assert_int_equal(tb_demo_fill(config, tb_engine_core(engine)), TB_OK);
	assert_int_equal(tb_core_heads(tb_engine_core(engine), 1, &first),
			 TB_OK);
	assert_int_equal(first.dense[TB_DENSE_CENTRAL], 17);
	assert_int_equal(tb_demo_fill(config, tb_engine_core(engine)), TB_OK);
	assert_int_equal(tb_core_heads(tb_engine_core(engine), 1, &second),
			 TB_OK);
	assert_int_equal(first.head, second.head);
	assert_int_equal(count_sites(engine), 3);
	tb_engine_close(engine);
	remove_folder(folder);
	tb_config_destroy(config);
}

/* ---- what came later ---- */

struct mark {
	struct tb_commit commit;
};

static enum tb_err decide_mark(struct tb_commit *commit, struct tb_view *view)
{
	(void)commit;
	return tb_view_put_silent(view, TB_COLL_SETTING,
				  TB_STR(TB_DATA_DEMO_MARK),
				  TB_STR("\"made\""));
}

static const struct tb_commit_kind mark_kind = {
	.name = "demo_mark",
	.decide = decide_mark,
};

static size_t count_users(struct tb_core *core)
{
	struct tb_arena *arena = tb_arena_create(1024 * 1024);
	struct tb_account account;
	struct tb_tx *tx;
	size_t n = 0;

	assert_int_equal(tb_core_read(core, &tx), TB_OK);
	for (size_t i = 0; i < tb_demo_accounts_count; i++)
		n += tb_directory_find_login(
			     core, tx, arena, tb_demo_accounts[i].kind,
			     tb_str_z(tb_demo_accounts[i].username),
			     &account) == TB_OK;
	tb_core_read_end(tx);
	tb_arena_destroy(arena);
	return n;
}

/* A demo that was made when there were fewer accounts gets the others, and
 * nothing else: what its users changed stays. */
static void a_demo_of_before_gets_the_accounts_of_now(void **state)
{
	struct tb_audit_note note = { .operation = NULL };
	struct mark mark = { .commit = { .kind = &mark_kind,
					 .org = TB_ORG_SYSTEM,
					 .weight = 1 } };
	char folder[64];
	struct tb_config *config = make_config(folder);
	struct tb_engine *engine;
	struct tb_core *core;
	struct tb_heads heads;
	uint32_t org;

	(void)state;
	assert_int_equal(tb_engine_open(&config->engine, &engine), TB_OK);
	core = tb_engine_core(engine);
	assert_int_equal(tb_directory_add_org(core, &note, TB_STR(TB_DEMO_ORG),
					      TB_STR(TB_DEMO_ORG_TITLE), 7,
					      &org),
			 TB_OK);
	assert_int_equal(tb_core_commit(core, &mark.commit), TB_OK);
	assert_int_equal(count_users(core), 0);
	assert_int_equal(tb_demo_fill(config, core), TB_OK);
	assert_int_equal(count_users(core), tb_demo_accounts_count);
	assert_int_equal(tb_core_heads(core, org, &heads), TB_OK);
	assert_int_equal(heads.dense[TB_DENSE_CENTRAL], 0);
	tb_engine_close(engine);
	remove_folder(folder);
	tb_config_destroy(config);
}

static void its_source_is_its_shop(void **state)
{
	char folder[64];
	char token_file[128];
	struct tb_config *config = make_config(folder);
	const struct tb_source *source;

	(void)state;
	assert_int_equal(tb_demo_add_source(config, "http://127.0.0.1:9"),
			 TB_OK);
	assert_int_equal(config->sources.n, 1);
	source = tb_sources_find(&config->sources, TB_STR("shopify"),
				 TB_STR(TB_DEMO_ORG));
	assert_non_null(source);
	assert_string_equal(source->type, "shopify");
	assert_string_equal(source->url, "http://127.0.0.1:9");
	snprintf(token_file, sizeof(token_file), "%s/shop.token", folder);
	assert_string_equal(source->token_file, token_file);
	assert_int_equal(source->n_entities, 3);
	for (size_t i = 0; i < source->n_entities; i++)
		assert_non_null(tb_declaration_find(
			&config->declaration, source->entities[i].collection));
	/* There is one already. */
	assert_int_equal(tb_demo_add_source(config, NULL), TB_OK);
	assert_int_equal(config->sources.n, 1);
	assert_ptr_equal(config->sources.list, source);
	rmdir(folder);
	tb_config_destroy(config);
}

static void a_configuration_with_other_collections_has_no_shop(void **state)
{
	struct tb_collection own = { .name = TB_STR("products") };
	char folder[64];
	struct tb_config *config = make_config(folder);

	(void)state;
	config->declaration.collections = &own;
	config->declaration.n_collections = 1;
	assert_int_equal(tb_demo_add_source(config, "http://127.0.0.1:9"),
			 TB_OK);
	assert_int_equal(config->sources.n, 0);
	rmdir(folder);
	tb_config_destroy(config);
}

static void a_source_is_added_to_those_that_are_there(void **state)
{
	struct tb_source own = { .name = TB_STR("own"), .type = "file" };
	char folder[64];
	struct tb_config *config = make_config(folder);

	(void)state;
	config->sources = (struct tb_sources) { .list = &own, .n = 1 };
	assert_int_equal(tb_demo_add_source(config, "http://127.0.0.1:9"),
			 TB_OK);
	assert_int_equal(config->sources.n, 2);
	assert_true(tb_str_eq(config->sources.list[0].name, TB_STR("own")));
	assert_true(tb_str_eq(config->sources.list[1].name, TB_STR("shopify")));
	rmdir(folder);
	tb_config_destroy(config);
}

static void the_page_escapes_the_host_that_it_shows(void **state)
{
	struct tb_buf page;

	(void)state;
	tb_buf_init(&page, 1024 * 1024);
	tb_ops_put_page(&page, TB_STR("http://<script>&\"'"), true);
	tb_buf_append_char(&page, '\0');
	assert_int_equal(tb_buf_err(&page), TB_OK);
	assert_null(strstr(page.p, "<script>"));
	assert_non_null(strstr(page.p, "&lt;script&gt;&amp;&quot;&#39;"));
	for (size_t i = 0; i < tb_demo_accounts_count; i++)
		assert_non_null(strstr(page.p, tb_demo_accounts[i].password));
	tb_buf_fini(&page);
}

static void without_the_demo_the_page_names_no_account(void **state)
{
	struct tb_buf page;

	(void)state;
	tb_buf_init(&page, 1024 * 1024);
	tb_ops_put_page(&page, TB_STR("http://x"), false);
	tb_buf_append_char(&page, '\0');
	for (size_t i = 0; i < tb_demo_accounts_count; i++)
		assert_null(strstr(page.p, tb_demo_accounts[i].password));
	assert_non_null(strstr(page.p, "</html>"));
	tb_buf_fini(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(demo_and_real_data_never_mix),
		cmocka_unit_test(the_demo_listens_on_loopback_only),
		cmocka_unit_test(the_example_is_what_the_demo_declares),
		cmocka_unit_test(
			its_texts_are_the_demos_unless_others_are_given),
		cmocka_unit_test(a_configuration_with_collections_keeps_them),
		cmocka_unit_test(a_folder_is_recognised_by_what_is_in_it),
		cmocka_unit_test(
			a_store_without_an_org_is_empty_and_with_one_real),
		cmocka_unit_test(
			its_records_have_the_times_of_the_documentation),
		cmocka_unit_test(filling_it_twice_makes_it_once),
		cmocka_unit_test(a_demo_of_before_gets_the_accounts_of_now),
		cmocka_unit_test(its_source_is_its_shop),
		cmocka_unit_test(
			a_configuration_with_other_collections_has_no_shop),
		cmocka_unit_test(a_source_is_added_to_those_that_are_there),
		cmocka_unit_test(the_page_escapes_the_host_that_it_shows),
		cmocka_unit_test(without_the_demo_the_page_names_no_account),
	};

	if (tb_digest_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
