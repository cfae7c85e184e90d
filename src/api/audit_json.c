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

static void put_time(struct tb_json_writer *w, int64_t us)
{
	char text[TIME_MAX_BYTES];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_time_put_micros(&buf, us);
	tb_json_kv_str(w, "timestamp", tb_buf_str(&buf));
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
	put_text(w, "principal", entry->principal);
	put_time(w, entry->time_us);
	if (entry->detail.p)
		tb_json_kv_raw(w, "details", entry->detail);
	else
		tb_json_kv_null(w, "details");
}
