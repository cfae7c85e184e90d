/*
 * A client for tests of connectors: reads one entity of one source, or sends to
 * one target, and prints what came of it, a JSON object a line.
 *
 *   connector_test_client TYPE [NAME=VALUE...]
 *
 * Names are those of the configuration and of a job. Besides:
 *
 *   cursor=TEXT   where reading begins; last_cursor=TEXT: where the last run
 *                 ended
 *   into=NAME     the entity's collection (`collection` is a job's filter)
 *   pages=N       ends after so many pages; 0: after the last
 *   tries=N       of each page that fails, one after the other
 *   fail_at=N     the N-th allocation fails, printing apart; how many there
 *                 were is printed at the end
 *   send=yes      reads lines `{"key":...,"deleted":...,"body":{...}}` from
 *                 standard input and sends them
 *
 * SIGUSR1 says stop. The exit status is 1 where something failed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "jobs/connectors/connector.h"

#define ARENA_MAX ((size_t)1 << 30)
#define LIST_MAX 100
#define INPUT_MAX ((size_t)64 << 20)

static atomic_bool is_stopped;

static struct {
	struct tb_source source;
	struct tb_source_entity entity;
	struct tb_connector_task task;
	struct tb_str collections[LIST_MAX];
	struct tb_rename renames[LIST_MAX];
	struct tb_str cursor;
	uint32_t pages;
	uint32_t tries;
	uint32_t fail_at;
	struct tb_str send;
} given = {
	.source = {
		.timeout_s = 5,
		.page_max_bytes = 1 << 20,
		.page_size = 250,
	},
	.entity = {
		.name = TB_STR_INIT("things"),
		.collection = TB_STR_INIT("thing"),
		.key = TB_STR_INIT("id"),
		.path = TB_STR_INIT("things"),
	},
	.task = { .job = TB_STR_INIT("job1/1") },
	.tries = 1,
};

/* ---- arguments ---- */

static const struct {
	const char *name;
	const char **to;
} z_options[] = {
	{ "url", &given.source.url },
	{ "ca_file", &given.source.ca_file },
	{ "token_file", &given.source.token_file },
	{ "token_header", &given.source.token_header },
	{ "user", &given.source.user },
	{ "password_file", &given.source.password_file },
	{ "hardware_id", &given.source.hardware_id },
	{ "api_version", &given.source.api_version },
	{ "folder", &given.source.path },
};

static const struct {
	const char *name;
	struct tb_str *to;
} str_options[] = {
	{ "page_param", &given.source.page_param },
	{ "size_param", &given.source.size_param },
	{ "cursor_field", &given.source.cursor_field },
	{ "since_param", &given.source.since_param },
	{ "entity", &given.entity.name },
	{ "key", &given.entity.key },
	{ "path", &given.entity.path },
	{ "into", &given.entity.collection },
	{ "items", &given.entity.items },
	{ "total", &given.entity.total },
	{ "deleted_field", &given.entity.deleted_field },
	{ "deleted_value", &given.entity.deleted_value },
	{ "since", &given.task.since },
	{ "job", &given.task.job },
	{ "cursor", &given.cursor },
	{ "last_cursor", &given.task.last_cursor },
	{ "send", &given.send },
};

static const struct {
	const char *name;
	uint32_t *to;
} number_options[] = {
	{ "timeout_s", &given.source.timeout_s },
	{ "page_size", &given.source.page_size },
	{ "pages", &given.pages },
	{ "tries", &given.tries },
	{ "fail_at", &given.fail_at },
};

static _Noreturn void refuse(const char *argument)
{
	fprintf(stderr, "bad argument: %s\n", argument);
	exit(2);
}

static uint64_t number_of(struct tb_str value, const char *argument)
{
	uint64_t v = 0;

	if (tb_str_to_u64(value, &v) != TB_OK)
		refuse(argument);
	return v;
}

static bool take_plain(struct tb_str name, struct tb_str value,
		       const char *argument)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(z_options); i++)
		if (tb_str_eq(name, tb_str_z(z_options[i].name))) {
			*z_options[i].to = value.p;
			return true;
		}
	for (size_t i = 0; i < TB_ARRAY_LEN(str_options); i++)
		if (tb_str_eq(name, tb_str_z(str_options[i].name))) {
			*str_options[i].to = value;
			return true;
		}
	for (size_t i = 0; i < TB_ARRAY_LEN(number_options); i++)
		if (tb_str_eq(name, tb_str_z(number_options[i].name))) {
			*number_options[i].to =
				(uint32_t)number_of(value, argument);
			return true;
		}
	return false;
}

static enum tb_source_paging paging_of(struct tb_str value,
				       const char *argument)
{
	static const char *const names[] = {
		[TB_PAGING_NONE] = "none",
		[TB_PAGING_LINK] = "link",
		[TB_PAGING_CURSOR] = "cursor",
		[TB_PAGING_PAGE] = "page",
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++)
		if (tb_str_eq(value, tb_str_z(names[i])))
			return (enum tb_source_paging)i;
	refuse(argument);
}

static void take_other(struct tb_str name, struct tb_str value,
		       const char *argument)
{
	if (tb_str_eq(name, TB_STR("page_max_bytes"))) {
		given.source.page_max_bytes = number_of(value, argument);
	} else if (tb_str_eq(name, TB_STR("paging"))) {
		given.source.paging = paging_of(value, argument);
	} else if (tb_str_eq(name, TB_STR("on_delete"))) {
		given.entity.on_delete = tb_str_eq(value, TB_STR("ignore"))
						 ? TB_ON_DELETE_IGNORE
						 : TB_ON_DELETE_DELETE;
	} else if (tb_str_eq(name, TB_STR("collection")) &&
		   given.task.n_collections < LIST_MAX) {
		given.collections[given.task.n_collections++] = value;
	} else if (tb_str_eq(name, TB_STR("rename")) &&
		   given.entity.n_renames < LIST_MAX) {
		struct tb_rename *rename =
			&given.renames[given.entity.n_renames++];

		rename->to = value;
		rename->from = tb_str_cut(&rename->to, ':');
	} else {
		refuse(argument);
	}
}

static const struct tb_connector *take_arguments(int argc, char **argv)
{
	if (argc < 2 || tb_connector_find(argv[1]) == NULL)
		refuse(argc < 2 ? "no type" : argv[1]);
	for (int i = 2; i < argc; i++) {
		struct tb_str value = tb_str_z(argv[i]);
		struct tb_str name = tb_str_cut(&value, '=');

		if (value.p == NULL)
			refuse(argv[i]);
		if (!take_plain(name, value, argv[i]))
			take_other(name, value, argv[i]);
	}
	given.source.name = TB_STR("tested");
	given.source.type = argv[1];
	given.source.entities = &given.entity;
	given.source.n_entities = 1;
	given.entity.renames = given.renames;
	given.task.source = &given.source;
	given.task.entity = &given.entity;
	given.task.entities = &given.entity;
	given.task.n_entities = 1;
	given.task.collections = given.collections;
	given.task.is_stopped = &is_stopped;
	return tb_connector_find(argv[1]);
}

/* ---- allocations that fail ---- */

static uint64_t n_allocations;

static void pause_failing(void)
{
	n_allocations += tb_alloc_calls();
	tb_alloc_fail_at(0);
}

static void resume_failing(void)
{
	tb_alloc_fail_at(given.fail_at > n_allocations
				 ? given.fail_at - n_allocations
				 : 0);
}

/* ---- what is printed ---- */

/* Each line is between these two. */
static void begin_line(struct tb_buf *buf)
{
	pause_failing();
	tb_buf_init(buf, ARENA_MAX);
}

static void end_line(struct tb_buf *buf)
{
	TB_ASSERT(tb_buf_err(buf) == TB_OK);
	tb_buf_append_char(buf, '\n');
	fwrite(buf->p, 1, buf->n, stdout);
	fflush(stdout);
	tb_buf_fini(buf);
	resume_failing();
}

static void put_record(struct tb_json_writer *w,
		       const struct tb_connector_record *record)
{
	tb_json_begin_object(w);
	tb_json_kv_str(w, "key", record->key);
	/* As a text, so that every byte can be compared. */
	tb_json_kv_str(w, "body", record->body);
	tb_json_kv_bool(w, "deleted", record->deleted);
	if (record->refused != NULL) {
		tb_json_kv_str(w, "refused", tb_str_z(record->refused));
		tb_json_kv_str(w, "message", record->message);
	}
	tb_json_end_object(w);
}

static void print_page(const struct tb_connector_page *page)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	begin_line(&buf);
	tb_json_begin_object(&w);
	tb_json_key(&w, TB_STR("records"));
	tb_json_begin_array(&w);
	for (size_t i = 0; i < page->n; i++)
		put_record(&w, &page->records[i]);
	tb_json_end_array(&w);
	tb_json_kv_str(&w, "cursor", page->cursor);
	tb_json_kv_uint(&w, "position", page->position);
	tb_json_kv_uint(&w, "total", page->total);
	tb_json_kv_bool(&w, "is_last", page->is_last);
	tb_json_end_object(&w);
	end_line(&buf);
}

static void print_failure(enum tb_err err,
			  const struct tb_connector_failure *failure)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	begin_line(&buf);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "failure", tb_str_z(failure->code));
	tb_json_kv_str(&w, "error", tb_str_z(tb_err_name(err)));
	tb_json_kv_str(&w, "message", failure->message);
	tb_json_kv_bool(&w, "may_pass", failure->may_pass);
	tb_json_kv_uint(&w, "retry_after_s", failure->retry_after_s);
	tb_json_end_object(&w);
	end_line(&buf);
}

static void print_sent(const struct tb_connector_record *records, size_t n)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	begin_line(&buf);
	tb_json_begin_object(&w);
	tb_json_key(&w, TB_STR("sent"));
	tb_json_begin_array(&w);
	for (size_t i = 0; i < n; i++)
		put_record(&w, &records[i]);
	tb_json_end_array(&w);
	tb_json_end_object(&w);
	end_line(&buf);
}

static void print_allocations(void)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	begin_line(&buf);
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "allocations", n_allocations);
	tb_json_end_object(&w);
	end_line(&buf);
}

/* ---- what is done ---- */

static enum tb_err next_page(struct tb_connection *connection,
			     struct tb_arena *arena,
			     struct tb_connector_page *ret)
{
	const struct tb_connector *connector = connection->connector;
	enum tb_err err = TB_OK;

	for (uint32_t i = 0; i < given.tries; i++) {
		struct tb_connector_failure failure = { 0 };

		tb_arena_reset(arena);
		err = connector->next(connection, arena, ret, &failure);
		if (err == TB_OK)
			break;
		print_failure(err, &failure);
	}
	return err;
}

static enum tb_err read_all(struct tb_connection *connection,
			    struct tb_arena *arena)
{
	const struct tb_connector *connector = connection->connector;
	struct tb_connector_failure failure = { 0 };
	struct tb_connector_page page = { .is_last = false };
	enum tb_err err = TB_OK;

	for (uint32_t n = 1; err == TB_OK && !page.is_last; n++) {
		err = next_page(connection, arena, &page);
		if (err != TB_OK)
			break;
		print_page(&page);
		if (connector->confirm != NULL)
			err = connector->confirm(connection, arena, &failure);
		if (err != TB_OK)
			print_failure(err, &failure);
		if (n == given.pages)
			break;
	}
	return err;
}

static struct tb_connector_record record_of(struct tb_arena *arena,
					    struct tb_str line)
{
	struct tb_connector_record record = { 0 };
	struct tb_json *json = tb_arena_calloc(arena, 1, sizeof(*json));
	struct tb_json_value root;

	TB_ASSERT(json != NULL);
	if (tb_json_parse(arena, line, NULL, json, NULL) != TB_OK)
		refuse("a line of standard input");
	root = tb_json_root(json);
	if (tb_json_string(arena, tb_json_get(root, TB_STR("key")),
			   &record.key) != TB_OK)
		refuse("a line's key");
	record.deleted =
		tb_json_is(tb_json_get(root, TB_STR("deleted")), TB_JSON_TRUE);
	if (!tb_json_is_absent(tb_json_get(root, TB_STR("refused"))))
		record.refused = "refused";
	if (!tb_json_is_absent(tb_json_get(root, TB_STR("body"))))
		record.body = tb_json_raw(tb_json_get(root, TB_STR("body")));
	return record;
}

static struct tb_connector_record *read_records(struct tb_arena *arena,
						size_t *ret_n)
{
	struct tb_connector_record *records;
	size_t n = 0, cap = 1;
	struct tb_str text;
	char *p = tb_arena_alloc(arena, INPUT_MAX);

	TB_ASSERT(p != NULL);
	text = tb_str(p, fread(p, 1, INPUT_MAX, stdin));
	for (size_t i = 0; i < text.n; i++)
		cap += text.p[i] == '\n';
	records = tb_arena_calloc(arena, cap, sizeof(*records));
	TB_ASSERT(records != NULL);
	while (text.n > 0) {
		struct tb_str line = tb_str_cut(&text, '\n');

		if (line.n > 0)
			records[n++] = record_of(arena, line);
	}
	*ret_n = n;
	return records;
}

static enum tb_err send_all(struct tb_connection *connection,
			    struct tb_arena *arena)
{
	const struct tb_connector *connector = connection->connector;
	struct tb_connector_failure failure = { 0 };
	struct tb_connector_record *records;
	enum tb_err err;
	size_t n;

	pause_failing();
	records = read_records(arena, &n);
	resume_failing();
	err = connector->send(connection, arena, records, n, given.cursor,
			      &failure);

	if (err == TB_OK && connector->finish != NULL)
		err = connector->finish(connection, arena, &failure);
	if (err == TB_OK)
		print_sent(records, n);
	else
		print_failure(err, &failure);
	return err;
}

static void on_signal(int number)
{
	(void)number;
	atomic_store(&is_stopped, true);
}

int main(int argc, char **argv)
{
	const struct tb_connector *connector = take_arguments(argc, argv);
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_connector_failure failure = { 0 };
	struct tb_connection *connection = NULL;
	bool is_sending = tb_str_eq(given.send, TB_STR("yes"));
	enum tb_err err;

	signal(SIGUSR1, on_signal);
	signal(SIGPIPE, SIG_IGN);
	TB_ASSERT(arena != NULL && tb_digest_init() == TB_OK);
	resume_failing();
	err = connector->open(&given.task, arena,
			      is_sending ? TB_STR_NONE : given.cursor,
			      &connection, &failure);
	if (err != TB_OK)
		print_failure(err, &failure);
	else
		err = is_sending ? send_all(connection, arena)
				 : read_all(connection, arena);
	connector->close(connection);
	if (given.fail_at > 0)
		print_allocations();
	tb_arena_destroy(arena);
	return err == TB_OK ? 0 : 1;
}
