/*
 * How fast the JSON reader goes through an array of 10,000 sync records: the
 * median of several runs, one JSON line for each depth of the tape.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "codec/json.h"

#define RECORDS 10000
#define RUNS 31
#define TEXT_MAX ((size_t)16 << 20)
#define ARENA_MAX ((size_t)256 << 20)

static void put_record(struct tb_buf *buf, unsigned i)
{
	tb_buf_printf(buf,
		      "{\"site_id\":\"63\",\"table\":\"trans_line\","
		      "\"recordID\":\"%08x-9b1d-4e0a-8f6c-%012x\","
		      "\"action\":\"insert\",\"sequence\":\"%u\",\"data\":{",
		      i * 2654435761U, i * 40503U, 978987 + i);
	tb_buf_printf(buf,
		      "\"ID\":\"%08X%08X\",\"transaction_ID\":\"%08X\","
		      "\"item_ID\":\"%08X\",\"item_name\":\"amoxygluemab\","
		      "\"batch\":\"B%05u\",\"quantity\":%u,"
		      "\"cost_price\":%u.5,\"sell_price\":%u.25,"
		      "\"expiry_date\":\"2027-%02u-01\",\"pack_size\":1,"
		      "\"type\":\"stock_out\",\"note\":null,"
		      "\"hidden\":false}}",
		      i, i * 7919U, i / 10, i % 500, i, 95555 - i, i % 100,
		      i % 130, i % 12 + 1);
}

static void put_records(struct tb_buf *buf)
{
	for (unsigned i = 0; i < RECORDS; i++) {
		tb_buf_append_char(buf, i == 0 ? '[' : ',');
		put_record(buf, i);
	}
	tb_buf_append_char(buf, ']');
	TB_ASSERT(tb_buf_err(buf) == TB_OK);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds for one parse, its memory included. */
static double time_parse(struct tb_str text, uint32_t tape_depth,
			 uint32_t *ret_nodes)
{
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_json json;
	double begin = now_s();
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);

	limits.tape_depth = tape_depth;
	TB_ASSERT(arena != NULL);
	enum tb_err err = tb_json_parse(arena, text, &limits, &json, NULL);
	TB_ASSERT(err == TB_OK);
	*ret_nodes = json.n_nodes;
	tb_arena_destroy(arena);
	return now_s() - begin;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void bench(struct tb_str text, const char *name, uint32_t tape_depth)
{
	double seconds[RUNS];
	uint32_t nodes = 0;

	for (int i = 0; i < RUNS; i++)
		seconds[i] = time_parse(text, tape_depth, &nodes);
	qsort(seconds, RUNS, sizeof(seconds[0]), compare_doubles);
	printf("{\"bench\":\"json\",\"case\":\"%s\",\"bytes\":%zu,"
	       "\"nodes\":%" PRIu32 ",\"runs\":%d,\"mb_per_s\":%.0f}\n",
	       name, text.n, nodes, RUNS,
	       (double)text.n / seconds[RUNS / 2] / 1e6);
}

int main(void)
{
	struct tb_buf buf;

	tb_buf_init(&buf, TEXT_MAX);
	put_records(&buf);
	bench(tb_buf_str(&buf), "tape of the records' members", 2);
	bench(tb_buf_str(&buf), "tape of everything", UINT32_MAX);
	tb_buf_fini(&buf);
	return 0;
}
