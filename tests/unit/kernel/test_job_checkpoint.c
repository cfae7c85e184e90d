/*
 * Checkpoints: the records of a page and the place behind it, in one commit or
 * not at all.
 */
#include "job_world.h"

static struct tb_job_checkpoint begin(struct world *w)
{
	queue_named(w, "a");
	assert_int_equal(take_one(w, 1), 1);
	return page_of(w, 1, 1);
}

static void records_and_place_are_stored_on(struct world *w)
{
	struct tb_job_checkpoint page = begin(w);
	struct tb_audit_entry entry;
	uint64_t rows = audit_rows(w);
	struct tb_job_notes notes;
	struct tb_job job;

	bring(w, &page, "t", "a=1 b=2 !c");
	page.n_read += 2;
	page.n_passed = 2;
	MUST(try_checkpoint(w, &page));
	assert_string_equal(record_of(w, "t", "a"), "{\"v\":1}");
	assert_string_equal(record_of(w, "t", "b"), "{\"v\":2}");
	assert_string_equal(record_of(w, "t", "c"), "");
	assert_int_equal(page.push->items[2].outcome, TB_PUSH_REJECTED);
	job = read_job(w, 1, &notes);
	assert_int_equal(job.n_streams, 1);
	assert_int_equal(job.n_entities, 1);
	expect_str(job.streams[0].entity, "products");
	expect_str(job.streams[0].cursor, "c1");
	assert_int_equal(job.streams[0].position, 10);
	assert_int_equal(job.streams[0].total, 40);
	assert_false(job.streams[0].is_done);
	expect_stream(&job, "products", "5/2/2/1");
	assert_int_equal(tb_job_progress(&job), 25);
	assert_int_equal(notes.n_errors, 1);
	expect_str(notes.errors[0].entity, "products");
	expect_str(notes.errors[0].record, "c");
	expect_str(notes.errors[0].code, TB_PUSH_CODE_INVALID);
	expect_str(notes.errors[0].message, "it is bad");
	assert_int_equal(notes.errors[0].at_us, w->ic.now_us);
	assert_int_equal(notes.n_log, 0);
	/* One row tells of the page. */
	assert_int_equal(audit_rows(w), rows + 1);
	entry = audit_last(w);
	expect_str(entry.event_type, "jobs");
	expect_str(entry.operation, "import");
	expect_str(entry.status, "partial");
	expect_str(entry.principal, "job1/1");
	expect_part(entry.detail, "\"job\":\"job1\",\"entity\":\"products\","
				  "\"accepted\":2,\"rejected\":1");
	check_jobs(w);
}
JOB_TEST(records_and_place_are_stored)

/* One stream may bring several entities. */
static void what_is_rejected_is_of_its_own_entity_on(struct world *w)
{
	struct tb_job_checkpoint page = begin(w);
	const struct tb_str entities[] = { TB_STR_INIT("products"),
					   TB_STR_INIT("orders") };
	struct tb_job_notes notes;

	bring(w, &page, "t", "!a !b");
	page.item_entities = entities;
	MUST(try_checkpoint(w, &page));
	read_job(w, 1, &notes);
	assert_int_equal(notes.n_errors, 2);
	for (size_t i = 0; i < 2; i++)
		expect_str(notes.errors[i].entity, i ? "orders" : "products");
	check_jobs(w);
}
JOB_TEST(what_is_rejected_is_of_its_own_entity)

static void a_page_again_changes_no_record_on(struct world *w)
{
	struct tb_job_checkpoint page = begin(w);
	struct tb_job job;
	uint64_t rows;

	bring(w, &page, "t", "a=1 b=2");
	MUST(try_checkpoint(w, &page));
	rows = audit_rows(w);
	bring(w, &page, "t", "a=1 b=2");
	page.cursor = TB_STR("c2");
	page.is_done = true;
	MUST(try_checkpoint(w, &page));
	job = read_job(w, 1, NULL);
	expect_stream(&job, "products", "4/2/2/0");
	expect_str(job.streams[0].cursor, "c2");
	assert_true(job.streams[0].is_done);
	/* Of what changed nothing the trail does not tell. */
	assert_int_equal(audit_rows(w), rows);
}
JOB_TEST(a_page_again_changes_no_record)

static void each_entity_has_its_stream_on(struct world *w)
{
	struct tb_job_checkpoint page = begin(w);
	struct tb_job job;

	page.n_entities = 2;
	MUST(try_checkpoint(w, &page));
	page.entity = TB_STR("orders \"x\"");
	page.cursor = TB_STR("o\n1");
	page.n_read = 7;
	page.n_sent = 6;
	page.rejects = &(const struct tb_job_reject) {
		.at_us = 5,
		.entity = TB_STR("orders \"x\""),
		.code = TB_STR("bad"),
		.message = TB_STR("no key"),
	};
	page.n_rejects = 1;
	page.log = TB_STR("half of it");
	MUST(try_checkpoint(w, &page));
	MUST(try_checkpoint(w, &page));
	job = read_job(w, 1, NULL);
	assert_int_equal(job.n_streams, 2);
	expect_stream(&job, "products", "0/0/0/0");
	expect_stream(&job, "orders \"x\"", "14/12/0/2");
	expect_str(job.streams[1].cursor, "o\n1");
	check_jobs(w);
}
JOB_TEST(each_entity_has_its_stream)

static void without_the_lease_nothing_is_stored_on(struct world *w)
{
	static const struct {
		uint64_t id;
		uint64_t token;
	} wrong[] = { { 1, 2 }, { 1, 0 }, { 2, 1 }, { 2, 0 }, { 3, 1 } };
	struct tb_job_checkpoint page = begin(w);
	uint64_t rows;
	uint64_t version;

	queue_named(w, "b");
	rows = audit_rows(w);
	version = read_job(w, 1, NULL).version;
	for (size_t i = 0; i < TB_ARRAY_LEN(wrong); i++) {
		page = page_of(w, wrong[i].id, wrong[i].token);
		bring(w, &page, "t", "a=1 !b");
		page.log = TB_STR("a line");
		assert_int_equal(try_checkpoint(w, &page), TB_ERR_CONFLICT);
	}
	assert_string_equal(record_of(w, "t", "a"), "");
	assert_int_equal(audit_rows(w), rows);
	assert_int_equal(read_job(w, 1, NULL).version, version);
	check_jobs(w);
}
JOB_TEST(without_the_lease_nothing_is_stored)

static void what_cannot_be_changes_nothing_on(struct world *w)
{
	struct tb_job_checkpoint page = begin(w);
	char cursor[TB_JOB_CURSOR_MAX_BYTES + 1];
	char entity[16];
	struct tb_job job;

	memset(cursor, 'x', sizeof(cursor));
	bring(w, &page, "t", "a=1");
	page.cursor = tb_str(cursor, sizeof(cursor));
	assert_int_equal(try_checkpoint(w, &page), TB_ERR_INVALID);
	page.cursor = TB_STR("\xc3");
	assert_int_equal(try_checkpoint(w, &page), TB_ERR_INVALID);
	page.cursor = TB_STR("c");
	page.entity = TB_STR_NONE;
	assert_int_equal(try_checkpoint(w, &page), TB_ERR_INVALID);
	assert_string_equal(record_of(w, "t", "a"), "");
	page.push = NULL;
	page.n_read = 0;
	page.cursor = tb_str(cursor, TB_JOB_CURSOR_MAX_BYTES);
	for (int i = 0; i < TB_JOB_STREAMS_MAX; i++) {
		(void)snprintf(entity, sizeof(entity), "e%d", i);
		page.entity = tb_str_z(entity);
		MUST(try_checkpoint(w, &page));
	}
	bring(w, &page, "t", "a=1");
	page.entity = TB_STR("one more");
	assert_int_equal(try_checkpoint(w, &page), TB_ERR_INVALID);
	assert_string_equal(record_of(w, "t", "a"), "");
	page.entity = TB_STR("e63");
	MUST(try_checkpoint(w, &page));
	job = read_job(w, 1, NULL);
	assert_int_equal(job.n_streams, TB_JOB_STREAMS_MAX);
	expect_stream(&job, "e63", "1/1/0/0");
	assert_int_equal(job.streams[63].cursor.n, TB_JOB_CURSOR_MAX_BYTES);
}
JOB_TEST(what_cannot_be_changes_nothing)

/* ---- notes ---- */

static void texts_are_cut_at_a_character_on(struct world *w)
{
	struct tb_job_checkpoint page = begin(w);
	struct tb_job_reject rejects[3] = { { .entity = TB_STR("e") },
					    { .entity = TB_STR("e") },
					    { .entity = TB_STR("e") } };
	struct tb_job_notes notes;
	char text[TB_JOB_TEXT_MAX_BYTES + 100];

	memset(text, 'x', sizeof(text));
	/* A character of two bytes over the end, one that ends with it, and
	 * bytes that are none. */
	memcpy(text + TB_JOB_TEXT_MAX_BYTES - 1, "\xc3\xa4", 2);
	rejects[0].message = tb_str(text, sizeof(text));
	rejects[1].message = tb_str(text + 1, TB_JOB_TEXT_MAX_BYTES);
	rejects[2].message = TB_STR("a\xff\xc3-\xe2\x82\xac\xe2\x82");
	page.rejects = rejects;
	page.n_rejects = 3;
	MUST(try_checkpoint(w, &page));
	(void)read_job(w, 1, &notes);
	assert_int_equal(notes.errors[0].message.n, TB_JOB_TEXT_MAX_BYTES - 1);
	assert_int_equal(notes.errors[1].message.n, TB_JOB_TEXT_MAX_BYTES);
	expect_str(notes.errors[2].message, "a?\?-\xe2\x82\xac?\?");
}
JOB_TEST(texts_are_cut_at_a_character)

static void the_first_errors_and_last_lines_are_kept_on(struct world *w)
{
	struct tb_job_checkpoint page = begin(w);
	struct tb_job_reject rejects[300];
	char texts[300][8];
	struct tb_job_notes notes;
	struct tb_job job;
	char line[16];

	page.rejects = rejects;
	page.n_rejects = 300;
	page.n_read = 300;
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < 300; k++) {
			(void)snprintf(texts[k], sizeof(texts[k]), "%d",
				       300 * i + k);
			rejects[k] = (struct tb_job_reject) {
				.at_us = 1,
				.record = tb_str_z(texts[k]),
			};
		}
		MUST(try_checkpoint(w, &page));
	}
	page.n_rejects = 0;
	for (int i = 0; i < TB_JOB_LOG_MAX + 3; i++) {
		(void)snprintf(line, sizeof(line), "line %d", i);
		page.log = tb_str_z(line);
		MUST(try_checkpoint(w, &page));
	}
	job = read_job(w, 1, &notes);
	expect_stream(&job, "products", "32100/0/0/1200");
	assert_int_equal(notes.n_errors, TB_JOB_ERRORS_MAX);
	expect_str(notes.errors[0].record, "0");
	expect_str(notes.errors[TB_JOB_ERRORS_MAX - 1].record, "999");
	assert_int_equal(notes.n_log, TB_JOB_LOG_MAX);
	expect_str(notes.log[0].message, "line 3");
	expect_str(notes.log[TB_JOB_LOG_MAX - 1].message, "line 102");
	check_jobs(w);
}
JOB_TEST(the_first_errors_and_last_lines_are_kept)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_and_place_are_stored),
		cmocka_unit_test(what_is_rejected_is_of_its_own_entity),
		cmocka_unit_test(a_page_again_changes_no_record),
		cmocka_unit_test(each_entity_has_its_stream),
		cmocka_unit_test(without_the_lease_nothing_is_stored),
		cmocka_unit_test(what_cannot_be_changes_nothing),
		cmocka_unit_test(texts_are_cut_at_a_character),
		cmocka_unit_test(the_first_errors_and_last_lines_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
