#include "api/audit_json.h"

#include "codec/time.h"

#define USER_PREFIX "user/"
#define TIME_MAX_BYTES 48

static void put_text(struct tb_json_writer *w, const char *key,
		     struct tb_str text)
{
	if (text.n > 0)
		tb_json_kv_str(w, key, text);
	else
		tb_json_kv_null(w, key);
}

/* "user/UUID" as the UUID; others are no user. */
static struct tb_str user_of(struct tb_str principal)
{
	static const struct tb_str prefix = TB_STR_INIT(USER_PREFIX);

	if (!tb_str_starts(principal, prefix))
		return TB_STR_NONE;
	return tb_str(principal.p + prefix.n, principal.n - prefix.n);
}

/* Of a row that cannot be read there is none. */
static void put_time(struct tb_json_writer *w,
		     const struct tb_audit_entry *entry)
{
	char text[TIME_MAX_BYTES];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, sizeof(text));
	if (entry->event_type.n > 0)
		tb_time_put_micros(&buf, entry->time_us);
	put_text(w, "timestamp", tb_buf_str(&buf));
}

/* The object that is stored, and in front of its members who it was: of those
 * that are no users nothing else says it. */
static void put_details(struct tb_json_writer *w,
			const struct tb_audit_entry *entry)
{
	struct tb_str members =
		tb_str(entry->detail.p + 1, entry->detail.n - 2);

	tb_json_begin_object(w);
	tb_json_kv_str(w, "principal", entry->principal);
	if (members.n > 0)
		tb_buf_append_char(w->buf, ',');
	tb_buf_append_str(w->buf, members);
	tb_json_end_object(w);
}

void tb_audit_json_put(struct tb_json_writer *w,
		       const struct tb_audit_entry *entry)
{
	tb_json_kv_uint(w, "id", entry->n);
	put_text(w, "event_type", entry->event_type);
	put_text(w, "operation", entry->operation);
	tb_json_kv_str(w, "status", entry->status);
	put_text(w, "device_id", entry->device);
	put_text(w, "user_id", user_of(entry->principal));
	put_time(w, entry);
	tb_json_key(w, TB_STR("details"));
	if (entry->detail.p)
		put_details(w, entry);
	else
		tb_json_null(w);
}
