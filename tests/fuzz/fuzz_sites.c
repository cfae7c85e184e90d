/*
 * Bodies of the sites API: whatever is sent as a push or an acknowledgement,
 * each record that is taken is usable, and each that is not says why. What is
 * kept of an element reads the same again.
 */
#include "fuzz.h"

#include "api/sites/decode_ack.h"
#include "api/sites/decode_push.h"

#define ARENA_MAX ((size_t)64 << 20)
#define RECORDS_MAX 64

static bool lies_within(struct tb_str part, struct tb_str whole)
{
	return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

static void check_item(struct tb_arena *arena, struct tb_str body,
		       const struct tb_push_item *item)
{
	struct tb_push_item again;

	TB_ASSERT(lies_within(item->record, body));
	TB_ASSERT(item->table.p != NULL && item->id.p != NULL);
	TB_ASSERT(item->data.n >= 2);
	if (item->refused != NULL) {
		TB_ASSERT(item->refused_message.n > 0);
		return;
	}
	TB_ASSERT(item->table.n > 0);
	TB_ASSERT(item->table.n <= TB_SITES_TABLE_MAX_BYTES);
	TB_ASSERT(item->id.n > 0 && item->id.n <= TB_SITES_ID_MAX_BYTES);
	TB_ASSERT(item->action == TB_PUSH_MERGE || item->data.p[0] == '{');
	TB_ASSERT(tb_sites_decode_record(arena, item->record, &again) == TB_OK);
}

static void push(struct tb_arena *arena, struct tb_str body,
		 enum tb_sites_dialect dialect)
{
	struct tb_json_error error = { .what = NULL };
	struct tb_push_body read;
	enum tb_err err = tb_sites_decode_push(arena, body, dialect,
					       RECORDS_MAX, &read, &error);

	if (err != TB_OK) {
		TB_ASSERT(error.what != NULL && error.offset <= body.n);
		return;
	}
	TB_ASSERT(read.n <= RECORDS_MAX);
	for (size_t i = 0; i < read.n; i++)
		check_item(arena, body, &read.items[i]);
}

static void acknowledge(struct tb_arena *arena, struct tb_str body)
{
	struct tb_json_error error = { .what = NULL };
	struct tb_ack_body read;
	enum tb_err err =
		tb_sites_decode_ack(arena, body, RECORDS_MAX, &read, &error);

	if (err != TB_OK) {
		TB_ASSERT(error.what != NULL && error.offset <= body.n);
		return;
	}
	TB_ASSERT(read.n <= RECORDS_MAX);
	for (size_t i = 0; i < read.n; i++)
		TB_ASSERT(read.items[i].sequence > 0 ||
			  read.items[i].id.p != NULL);
}

/* The first byte says which body it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena;
	struct tb_str body;

	if (n == 0)
		return 0;
	arena = tb_arena_create(ARENA_MAX);
	TB_ASSERT(arena != NULL);
	body = fuzz_input(data + 1, n - 1);
	switch (data[0] % 3) {
	case 0:
		push(arena, body, TB_SITES_PLAIN);
		break;
	case 1:
		push(arena, body, TB_SITES_VERSIONED);
		break;
	default:
		acknowledge(arena, body);
	}
	tb_arena_destroy(arena);
	return 0;
}
