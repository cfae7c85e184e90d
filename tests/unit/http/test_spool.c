#include "spool_folder.h"

#include "base/arena.h"
#include "http/spool.h"
#include "http/spool_sort.h"

#define BODY_MAX ((uint64_t)64 << 20)

static struct tb_spool *spool;
static struct tb_arena *arena;

static int set_up(void **state)
{
	arena = tb_arena_create(1 << 16);
	return arena ? set_up_pool(state) : -1;
}

static int tear_down(void **state)
{
	tb_arena_destroy(arena);
	return tear_down_pool(state);
}

static void create(enum tb_spool_form form)
{
	assert_int_equal(tb_spool_create(&pool, form, BODY_MAX, 1, &spool),
			 TB_OK);
}

static void append_z(const char *z)
{
	tb_spool_append(spool, tb_str_z(z));
}

/* Reads the body piece by piece, and the source's end twice. */
static enum tb_err read_source(struct tb_source *source, struct tb_buf *ret)
{
	struct tb_piece piece;
	enum tb_err err;

	for (;;) {
		err = source->ops->make(source, &piece);
		if (err || !piece.plain)
			break;
		assert_true(tb_blob_str(piece.plain).n > 0);
		assert_true(tb_blob_str(piece.plain).n <= TB_SPOOL_PIECE_BYTES);
		tb_buf_append_str(ret, tb_blob_str(piece.plain));
		tb_piece_release(&piece);
	}
	if (!err) {
		assert_true(source->ops->find(source, &piece));
		assert_null(piece.plain);
	}
	return err;
}

/* Finishes the spool, compares its body, and ends it. */
static void assert_body(struct tb_str expected)
{
	struct tb_source *source;
	struct tb_buf buf;

	assert_int_equal(tb_spool_err(spool), TB_OK);
	assert_int_equal(tb_spool_finish(spool), TB_OK);
	assert_int_equal(tb_spool_body_bytes(spool), expected.n);
	source = tb_spool_source(arena, spool);
	assert_non_null(source);
	tb_buf_init(&buf, expected.n + 1);
	assert_int_equal(read_source(source, &buf), TB_OK);
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	assert_true(tb_str_eq(tb_buf_str(&buf), expected));
	tb_buf_fini(&buf);
	if (tb_spool_is_in_memory(spool)) {
		assert_int_equal(tb_spool_take_buf(spool, &buf), TB_OK);
		assert_true(tb_str_eq(tb_buf_str(&buf), expected));
		tb_buf_fini(&buf);
	}
	source->ops->destroy(source);
}

/* --- small ones ----------------------------------------------------------*/

static void bytes_are_the_body(void **state)
{
	(void)state;
	create(TB_SPOOL_BYTES);
	assert_body(TB_STR(""));
	create(TB_SPOOL_BYTES);
	append_z("some ");
	append_z("");
	append_z("text");
	assert_body(TB_STR("some text"));
}

static void a_list_has_brackets_and_commas(void **state)
{
	static const enum tb_spool_form forms[] = {
		TB_SPOOL_LIST,
		TB_SPOOL_BY_NUMBER,
		TB_SPOOL_BY_TEXT,
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(forms); i++) {
		create(forms[i]);
		assert_body(TB_STR("[]"));
	}
	create(TB_SPOOL_LIST);
	tb_spool_mark(spool, 3);
	append_z("{\"a\":");
	append_z("1}");
	assert_body(TB_STR("[{\"a\":1}]"));
	create(TB_SPOOL_LIST);
	tb_spool_mark(spool, 3);
	append_z("1");
	tb_spool_mark(spool, 2);
	append_z("2");
	assert_int_equal(tb_spool_items(spool), 2);
	assert_body(TB_STR("[1,2]"));
}

static void numbers_put_items_in_order(void **state)
{
	(void)state;
	create(TB_SPOOL_BY_NUMBER);
	tb_spool_mark(spool, UINT64_MAX);
	append_z("\"last\"");
	tb_spool_mark(spool, 0);
	append_z("0");
	tb_spool_mark(spool, 1000);
	append_z("10");
	append_z("00");
	tb_spool_mark(spool, 7);
	append_z("7");
	tb_spool_mark(spool, 1000);
	append_z("\"behind 1000\"");
	tb_spool_mark(spool, 8);
	append_z("8");
	assert_body(TB_STR("[0,7,8,1000,\"behind 1000\",\"last\"]"));
}

static void mark_text(const char *before, struct tb_str key)
{
	tb_spool_mark_text(spool, key, strlen(before));
	append_z(before);
	tb_spool_append(spool, key);
	append_z(")");
}

static void texts_put_items_in_order(void **state)
{
	(void)state;
	create(TB_SPOOL_BY_TEXT);
	mark_text("1(", TB_STR("abcdefghij"));
	mark_text("22(", TB_STR("abcdefgh"));
	mark_text("333(", TB_STR("\xc3\xa9"));
	mark_text("4(", TB_STR("abcdefghi"));
	mark_text("5(", TB_STR(""));
	mark_text("6(", TB_STR("abcdefgh"));
	mark_text("7(", TB_STR("a"));
	mark_text("8(", TB_STR("a\0"));
	mark_text("9(", TB_STR("B"));
	assert_body(TB_STR("[5(),9(B),7(a),8(a\0),22(abcdefgh),6(abcdefgh),"
			   "4(abcdefghi),1(abcdefghij),333(\xc3\xa9)]"));
}

static void long_texts_count_whole(void **state)
{
	char text[400];
	struct tb_buf buf;

	(void)state;
	memset(text, 'x', sizeof(text));
	create(TB_SPOOL_BY_TEXT);
	text[399] = 'y';
	mark_text("1(", tb_str(text, sizeof(text)));
	text[399] = 'x';
	mark_text("2(", tb_str(text, sizeof(text)));
	assert_int_equal(tb_spool_finish(spool), TB_OK);
	assert_int_equal(tb_spool_take_buf(spool, &buf), TB_OK);
	assert_int_equal(buf.n, 2 * (sizeof(text) + 4) + 1);
	assert_memory_equal(buf.p, "[2(xxx", 6);
	assert_memory_equal(buf.p + sizeof(text), "xxx),1(", 7);
	tb_buf_fini(&buf);
	tb_spool_destroy(spool);
}

/* --- large ones ----------------------------------------------------------*/

/* Items in the order of i * step mod n, of some hundred bytes or a few. */
struct heap {
	enum tb_spool_form form;
	uint64_t n;
	uint64_t step; /* has no divisor in common with n */
	size_t filler_bytes;
};

static void put_item(const struct heap *heap, uint64_t number,
		     struct tb_buf *buf)
{
	size_t filler = heap->filler_bytes ? number % heap->filler_bytes : 0;

	tb_buf_printf(buf, "\"key %08u", (unsigned)number);
	for (; filler > 0; filler--)
		tb_buf_append_char(buf, 'x');
	tb_buf_append_char(buf, '"');
}

static void append_heap(const struct heap *heap)
{
	static char room[1 << 20];
	struct tb_buf buf;
	uint64_t i;

	tb_buf_init_fixed(&buf, room, sizeof(room));
	for (i = 0; i < heap->n; i++) {
		uint64_t number = i * heap->step % heap->n;

		tb_buf_reset(&buf);
		put_item(heap, number, &buf);
		if (heap->form == TB_SPOOL_BY_TEXT)
			tb_spool_mark_text(spool, tb_str(buf.p + 1, 12), 1);
		else
			tb_spool_mark(spool, number);
		tb_spool_append(spool, tb_buf_str(&buf));
	}
}

static void assert_heap(const struct heap *heap)
{
	uint64_t step = heap->form == TB_SPOOL_LIST ? heap->step : 1, i;
	struct tb_buf expected;

	create(heap->form);
	append_heap(heap);
	tb_buf_init(&expected, BODY_MAX);
	for (i = 0; i < heap->n; i++) {
		tb_buf_append_char(&expected, i ? ',' : '[');
		put_item(heap, i * step % heap->n, &expected);
	}
	tb_buf_append_char(&expected, ']');
	assert_int_equal(tb_buf_err(&expected), TB_OK);
	assert_body(tb_buf_str(&expected));
	tb_buf_fini(&expected);
}

static const struct heap heaps[] = {
	/* In memory, though the index is longer than the items. */
	{ TB_SPOOL_LIST, 1000, 7, 100 },
	{ TB_SPOOL_BY_NUMBER, 1000, 7, 100 },
	{ TB_SPOOL_BY_TEXT, 1000, 7, 100 },
	{ TB_SPOOL_BY_TEXT, 1000, 1, 100 },
	{ TB_SPOOL_BY_NUMBER, 1000, 999, 0 },
	/* The items in a file, the index not. */
	{ TB_SPOOL_LIST, 9973, 7, 300 },
	{ TB_SPOOL_BY_NUMBER, 9973, 5003, 300 },
	{ TB_SPOOL_BY_TEXT, 9973, 9972, 300 },
	/* Both in files. */
	{ TB_SPOOL_BY_NUMBER, 40009, 7001, 30 },
	{ TB_SPOOL_BY_NUMBER, 40009, 1, 30 },
	{ TB_SPOOL_BY_TEXT, 40009, 7001, 30 },
	{ TB_SPOOL_BY_TEXT, 40009, 1, 30 },
	/* Items longer than a piece, and than what stays in memory. */
	{ TB_SPOOL_BY_NUMBER, 13, 5, 400000 },
	{ TB_SPOOL_BY_TEXT, 13, 12, 400000 },
};

static void any_heap_becomes_a_list(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(heaps); i++)
		assert_heap(&heaps[i]);
}

static void files_that_had_a_name_do_as_well(void **state)
{
	(void)state;
	pool.avoids_tmpfile = true;
	assert_heap(&heaps[10]);
}

static void what_came_in_order_needs_no_index(void **state)
{
	const struct heap heap = { TB_SPOOL_BY_NUMBER, 20000, 1, 0 };

	(void)state;
	create(heap.form);
	append_heap(&heap);
	assert_true(taken_bytes() >=
		    tb_spool_bytes(spool) +
			    (heap.n - 1) * sizeof(struct tb_spool_entry));
	assert_int_equal(tb_spool_finish(spool), TB_OK);
	assert_true(taken_bytes() < tb_spool_bytes(spool) + (64 << 10));
	tb_spool_destroy(spool);
}

/* What waits for a slow reader is in the file alone. */
static void a_source_finds_only_what_is_in_memory(void **state)
{
	static const struct heap sizes[] = {
		{ TB_SPOOL_BY_NUMBER, 1000, 7, 0 },
		{ TB_SPOOL_BY_NUMBER, 19997, 7, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(sizes); i++) {
		struct tb_source *source;
		struct tb_piece piece;
		bool is_found;

		create(sizes[i].form);
		append_heap(&sizes[i]);
		assert_int_equal(tb_spool_finish(spool), TB_OK);
		assert_int_equal(tb_spool_is_in_memory(spool), i == 0);
		source = tb_spool_source(arena, spool);
		assert_non_null(source);
		is_found = source->ops->find(source, &piece);
		assert_int_equal(is_found, i == 0);
		if (is_found)
			tb_piece_release(&piece);
		source->ops->destroy(source);
	}
}

static void what_was_appended_can_be_read_meanwhile(void **state)
{
	char bytes[16];

	(void)state;
	create(TB_SPOOL_BY_NUMBER);
	append_heap(&heaps[8]);
	assert_int_equal(tb_spool_read(spool, 1, bytes, 14), TB_OK);
	assert_memory_equal(bytes, "\"key 00000000\"", 14);
	assert_int_equal(
		tb_spool_read(spool, tb_spool_bytes(spool) - 1, bytes, 1),
		TB_OK);
	assert_int_equal(bytes[0], '"');
	tb_spool_destroy(spool);
}

/* --- sorting -------------------------------------------------------------*/

static void equal_keys_stay_in_their_order(void **state)
{
	struct tb_spool_entry entries[100], scratch[100];
	uint64_t x = 88172645463325252u;
	size_t n, i;

	(void)state;
	for (n = 0; n <= TB_ARRAY_LEN(entries); n++) {
		const struct tb_spool_entry *sorted;
		uint64_t sum = 0;

		for (i = 0; i < n; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			entries[i] = (struct tb_spool_entry) {
				.key = x % 20,
				.offset = i,
			};
		}
		sorted = tb_spool_sort(entries, scratch, n, NULL);
		for (i = 0; i < n; i++) {
			sum += sorted[i].offset;
			if (i == 0)
				continue;
			assert_true(sorted[i - 1].key <= sorted[i].key);
			if (sorted[i - 1].key == sorted[i].key)
				assert_true(sorted[i - 1].offset <
					    sorted[i].offset);
		}
		assert_int_equal(sum, n ? n * (n - 1) / 2 : 0);
	}
}

/* --- ceilings ------------------------------------------------------------*/

static void a_body_has_a_ceiling(void **state)
{
	(void)state;
	assert_int_equal(tb_spool_create(&pool, TB_SPOOL_LIST, 0, 1, &spool),
			 TB_ERR_TOO_LARGE);
	assert_int_equal(tb_spool_create(&pool, TB_SPOOL_LIST, 5, 1, &spool),
			 TB_OK);
	tb_spool_mark(spool, 1);
	append_z("123");
	assert_body(TB_STR("[123]"));
	assert_int_equal(tb_spool_create(&pool, TB_SPOOL_LIST, 5, 1, &spool),
			 TB_OK);
	tb_spool_mark(spool, 1);
	append_z("12345");
	assert_int_equal(tb_spool_err(spool), TB_ERR_TOO_LARGE);
	/* What would fit is not appended behind what did not. */
	tb_spool_mark(spool, 2);
	append_z("1");
	assert_int_equal(tb_spool_bytes(spool), 1);
	assert_int_equal(tb_spool_finish(spool), TB_ERR_TOO_LARGE);
	tb_spool_destroy(spool);
}

static void all_bodies_have_one_together(void **state)
{
	struct tb_spool *first;

	(void)state;
	tb_spool_pool_init(&pool, folder, (uint64_t)1 << 20);
	create(TB_SPOOL_BY_NUMBER);
	append_heap(&(struct heap) { TB_SPOOL_BY_NUMBER, 9973, 7, 0 });
	assert_int_equal(tb_spool_err(spool), TB_OK);
	first = spool;
	create(TB_SPOOL_LIST);
	append_heap(&heaps[5]);
	assert_int_equal(tb_spool_finish(spool), TB_ERR_BUSY);
	tb_spool_destroy(spool);
	/* Of the first one the entries come twice, to be put in order. */
	spool = first;
	assert_int_equal(tb_spool_finish(spool), TB_OK);
	tb_spool_destroy(spool);
}

static void sorting_needs_room_in_the_pool(void **state)
{
	(void)state;
	tb_spool_pool_init(&pool, folder, (uint64_t)512 << 10);
	create(TB_SPOOL_BY_NUMBER);
	append_heap(&(struct heap) { TB_SPOOL_BY_NUMBER, 9973, 7, 0 });
	assert_int_equal(tb_spool_err(spool), TB_OK);
	assert_int_equal(tb_spool_finish(spool), TB_ERR_BUSY);
	tb_spool_destroy(spool);
}

/* Wherever a disk gets full: in the items, the index, or while sorting. */
static void a_full_disk_is_an_error(void **state)
{
	const struct heap *heap = &heaps[10];
	size_t failed = 0, steps;
	enum tb_err err = TB_ERR_FULL;

	(void)state;
	for (steps = 0; err; steps++) {
		limit_files(steps * 100000);
		create(heap->form);
		append_heap(heap);
		err = tb_spool_finish(spool);
		tb_spool_destroy(spool);
		assert_true(err == TB_OK || err == TB_ERR_FULL);
		failed += err == TB_ERR_FULL;
	}
	limit_files(RLIM_INFINITY);
	assert_true(failed > 10);
}

/* --- memory --------------------------------------------------------------*/

static const struct heap *tortured;

static enum tb_err spool_and_read(void)
{
	struct tb_source *source;
	struct tb_buf buf;
	enum tb_err err =
		tb_spool_create(&pool, tortured->form, BODY_MAX, 1, &spool);

	if (err)
		return err;
	append_heap(tortured);
	err = tb_spool_finish(spool);
	tb_arena_reset(arena);
	source = err ? NULL : tb_spool_source(arena, spool);
	if (!source) {
		tb_spool_destroy(spool);
		return err ? err : tb_arena_err(arena);
	}
	tb_buf_init(&buf, BODY_MAX);
	err = read_source(source, &buf);
	if (!err)
		err = tb_buf_err(&buf);
	if (!err && tb_spool_is_in_memory(spool)) {
		tb_buf_fini(&buf);
		err = tb_spool_take_buf(spool, &buf);
	}
	tb_buf_fini(&buf);
	source->ops->destroy(source);
	return err;
}

static void any_allocation_may_fail(void **state)
{
	static const size_t rows[] = { 0, 1, 2, 5, 10 };
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(rows); i++) {
		tortured = &heaps[rows[i]];
		assert_true(torture(spool_and_read) > 5);
		assert_int_equal(taken_bytes(), 0);
	}
}

/* --- lists that are revised ----------------------------------------------*/

static void item(uint64_t number, const char *text)
{
	tb_spool_mark(spool, number);
	append_z(text);
}

static void of_what_is_given_again_the_last_counts(void **state)
{
	(void)state;
	create(TB_SPOOL_BY_NUMBER);
	item(1, "\"one\"");
	item(2, "\"two\"");
	item(3, "\"three\"");
	tb_spool_revise(spool);
	item(2, "22");
	item(4, "4");
	item(3, "33");
	tb_spool_void(spool);
	item(2, "222");
	item(9, "9");
	tb_spool_void(spool);
	assert_int_equal(tb_spool_finish(spool), TB_OK);
	assert_int_equal(tb_spool_items(spool), 3);
	tb_spool_destroy(spool);
	create(TB_SPOOL_BY_NUMBER);
	item(2, "2");
	item(1, "1");
	tb_spool_revise(spool);
	item(2, "");
	append_z("\"a longer one\"");
	assert_body(TB_STR("[1,\"a longer one\"]"));
}

static void what_is_revised_keeps_the_order_of_appending(void **state)
{
	(void)state;
	create(TB_SPOOL_LATEST);
	item(7, "7");
	item(3, "3");
	item(5, "5");
	assert_body(TB_STR("[7,3,5]"));
	create(TB_SPOOL_LATEST);
	item(7, "7");
	item(3, "3");
	item(5, "5");
	tb_spool_revise(spool);
	item(7, "77");
	item(3, "33");
	tb_spool_void(spool);
	assert_body(TB_STR("[5,77]"));
}

static void texts_can_be_revised(void **state)
{
	(void)state;
	create(TB_SPOOL_BY_TEXT);
	mark_text("(", TB_STR("b"));
	mark_text("(", TB_STR("ab"));
	mark_text("(", TB_STR("a"));
	tb_spool_revise(spool);
	mark_text("((", TB_STR("b"));
	mark_text("(", TB_STR("a"));
	tb_spool_void(spool);
	assert_body(TB_STR("[(ab),((b)]"));
}

static void everything_may_be_taken_away(void **state)
{
	(void)state;
	create(TB_SPOOL_LATEST);
	item(7, "7");
	tb_spool_revise(spool);
	item(7, "7");
	tb_spool_void(spool);
	assert_body(TB_STR("[]"));
	assert_int_equal(taken_bytes(), 0);
	create(TB_SPOOL_BY_NUMBER);
	tb_spool_revise(spool);
	assert_body(TB_STR("[]"));
}

/* --- answers -------------------------------------------------------------*/

static void a_short_body_is_answered_whole(void **state)
{
	struct tb_response res = { .arena = arena };

	(void)state;
	create(TB_SPOOL_LIST);
	tb_spool_mark(spool, 0);
	append_z("1");
	assert_int_equal(tb_spool_finish(spool), TB_OK);
	assert_int_equal(tb_spool_answer(spool, &res, 200, TB_JSON_TYPE),
			 TB_OK);
	assert_int_equal(res.status, 200);
	assert_null(res.source);
	assert_true(tb_str_eq(tb_buf_str(&res.body), TB_STR("[1]")));
	tb_response_empty(&res, 204);
}

static void a_long_one_is_sent_from_its_file(void **state)
{
	struct tb_response res = { .arena = arena };
	uint64_t bytes;

	(void)state;
	create(TB_SPOOL_BY_NUMBER);
	append_heap(&heaps[8]);
	assert_int_equal(tb_spool_finish(spool), TB_OK);
	bytes = tb_spool_body_bytes(spool);
	assert_int_equal(tb_spool_answer(spool, &res, 200, TB_JSON_TYPE),
			 TB_OK);
	assert_non_null(res.source);
	assert_int_equal(res.source_bytes, bytes);
	tb_response_empty(&res, 204);
	assert_int_equal(taken_bytes(), 0);
}

static void where_there_is_no_room_it_goes_all_the_same(void **state)
{
	struct tb_arena *full = tb_arena_create(8);
	struct tb_response res = { .arena = full };

	(void)state;
	assert_non_null(full);
	create(TB_SPOOL_BY_NUMBER);
	append_heap(&heaps[8]);
	assert_int_equal(tb_spool_finish(spool), TB_OK);
	assert_int_equal(tb_spool_answer(spool, &res, 200, TB_JSON_TYPE),
			 TB_ERR_TOO_LARGE);
	assert_int_equal(taken_bytes(), 0);
	tb_arena_destroy(full);
}

#define SPOOL_TEST(name)                                                       \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(bytes_are_the_body),
		SPOOL_TEST(a_list_has_brackets_and_commas),
		SPOOL_TEST(numbers_put_items_in_order),
		SPOOL_TEST(texts_put_items_in_order),
		SPOOL_TEST(long_texts_count_whole),
		SPOOL_TEST(any_heap_becomes_a_list),
		SPOOL_TEST(files_that_had_a_name_do_as_well),
		SPOOL_TEST(what_came_in_order_needs_no_index),
		SPOOL_TEST(a_source_finds_only_what_is_in_memory),
		SPOOL_TEST(what_was_appended_can_be_read_meanwhile),
		SPOOL_TEST(equal_keys_stay_in_their_order),
		SPOOL_TEST(a_body_has_a_ceiling),
		SPOOL_TEST(all_bodies_have_one_together),
		SPOOL_TEST(sorting_needs_room_in_the_pool),
		SPOOL_TEST(a_full_disk_is_an_error),
		SPOOL_TEST(any_allocation_may_fail),
		SPOOL_TEST(of_what_is_given_again_the_last_counts),
		SPOOL_TEST(what_is_revised_keeps_the_order_of_appending),
		SPOOL_TEST(texts_can_be_revised),
		SPOOL_TEST(everything_may_be_taken_away),
		SPOOL_TEST(a_short_body_is_answered_whole),
		SPOOL_TEST(a_long_one_is_sent_from_its_file),
		SPOOL_TEST(where_there_is_no_room_it_goes_all_the_same),
	};

	return cmocka_run_group_tests(tests, set_up_folder, tear_down_folder);
}
