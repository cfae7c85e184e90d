#include "api/resources/conflict_json.h"

#define NUMBER_MAX_BYTES 24

/* null: that side deleted the record. */
static void put_version(struct tb_json_writer *w, const char *key,
			struct tb_str body)
{
	if (body.p)
		tb_json_kv_raw(w, key, body);
	else
		tb_json_kv_null(w, key);
}

/* As the record is addressed here: by its integer id, where it has one. */
static void put_record(struct tb_json_writer *w,
		       const struct tb_ledger_entry *entry)
{
	char digits[NUMBER_MAX_BYTES];
	struct tb_buf text;

	if (entry->number == 0) {
		tb_json_kv_str(w, "record", entry->record);
		return;
	}
	tb_buf_init_fixed(&text, digits, sizeof(digits));
	tb_buf_append_u64(&text, entry->number);
	tb_json_kv_str(w, "record", tb_buf_str(&text));
}

static void put_resolved(struct tb_json_writer *w,
			 const struct tb_ledger_entry *entry)
{
	if (entry->resolved_by.p) {
		tb_json_kv_time(w, "resolved_at", entry->resolved_us);
		tb_json_kv_str(w, "resolved_by", entry->resolved_by);
		return;
	}
	tb_json_kv_null(w, "resolved_at");
	tb_json_kv_null(w, "resolved_by");
}

void tb_conflict_json_put(struct tb_json_writer *w,
			  const struct tb_ledger_entry *entry)
{
	tb_json_begin_object(w);
	tb_json_kv_uint(w, "id", entry->id);
	tb_json_kv_str(w, "collection", entry->table);
	put_record(w, entry);
	tb_json_kv_time(w, "detected_at", entry->detected_us);
	tb_json_kv_str(w, "by", entry->by);
	tb_json_kv_raw(w, "base", entry->base);
	tb_json_kv_str(w, "resolution", entry->resolution);
	put_version(w, "server", entry->server);
	put_version(w, "client", entry->client);
	put_resolved(w, entry);
	tb_json_end_object(w);
}
