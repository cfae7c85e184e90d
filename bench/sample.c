#include "sample.h"

#include <inttypes.h>

#include "base/assert.h"

#define FIRST_EVENT_S 1678886400
#define EVENT_ITEMS 1000

uint64_t tb_sample_mix(uint64_t v)
{
	v += 0x9e3779b97f4a7c15u;
	v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9u;
	v = (v ^ (v >> 27)) * 0x94d049bb133111ebu;
	return v ^ (v >> 31);
}

void tb_sample_put_id(struct tb_buf *buf, const struct tb_sample *sample,
		      uint64_t i)
{
	uint64_t high = tb_sample_mix(sample->seed ^ (i << 1));
	uint64_t low = tb_sample_mix(high ^ i);

	if (sample->ordered)
		high = sample->seed << 48 | i;
	tb_buf_printf(buf,
		      "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64
		      "-%012" PRIx64,
		      high >> 32, (high >> 16) & 0xffff, high & 0xffff,
		      low >> 48, low & 0xffffffffffff);
}

void tb_sample_put_data(struct tb_buf *buf, const struct tb_sample *sample,
			uint64_t i, unsigned revision)
{
	static const char end[] = "\"}";
	size_t from = buf->n;

	tb_buf_append_z(buf, "{\"ID\":\"");
	tb_sample_put_id(buf, sample, i);
	tb_buf_printf(buf,
		      "\",\"store_ID\":\"%s\",\"status\":\"cn\","
		      "\"item_name\":\"amoxygluemab\",\"quantity\":%" PRIu64
		      ",\"cost_price\":65.50,\"revision\":%u,\"note\":\"",
		      sample->store, i, revision);
	while (buf->n - from < TB_SAMPLE_DATA_BYTES - (sizeof(end) - 1) &&
	       tb_buf_err(buf) == TB_OK)
		tb_buf_append_char(buf, 'x');
	tb_buf_append_z(buf, end);
	TB_ASSERT(tb_buf_err(buf) != TB_OK ||
		  buf->n - from == TB_SAMPLE_DATA_BYTES);
}

void tb_sample_put_record(struct tb_buf *buf, const struct tb_sample *sample,
			  uint64_t i)
{
	tb_buf_printf(buf,
		      "{\"site_id\":\"%" PRIu32
		      "\",\"table\":\"%s\",\"recordID\":\"",
		      sample->site_id, sample->table);
	tb_sample_put_id(buf, sample, i);
	tb_buf_printf(buf,
		      "\",\"action\":\"insert\",\"sequence\":\"%" PRIu64
		      "\",\"data\":",
		      i + 1);
	tb_sample_put_data(buf, sample, i, 0);
	tb_buf_append_char(buf, '}');
}

void tb_sample_put_event(struct tb_buf *buf, const struct tb_sample *sample,
			 uint64_t i)
{
	tb_buf_append_z(buf, "{\"uuid\":\"");
	tb_sample_put_id(buf, sample, i);
	tb_buf_printf(
		buf,
		"\",\"timestamp\":%" PRIu64 ",\"userUuid\":\"" TB_SAMPLE_AUTHOR
		"\",\"itemUuid\":\"item%03" PRIu64 "\",\"action\":\"update\","
		"\"payload\":\"{\\\"name\\\": \\\"New Name\\\"}\"}",
		FIRST_EVENT_S + i, i % EVENT_ITEMS);
}
