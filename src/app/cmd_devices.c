/*
 * `tombolo device`: what is registered, and what waits. The accounts of devices
 * are those of cmd_accounts.c.
 */
#include "app/commands.h"

#include "api/devices/devices.h"
#include "api/devices/event_json.h"
#include "api/devices/time_json.h"
#include "kernel/device_delivery.h"
#include "kernel/registration.h"

#define OUTPUT_MAX_BYTES (1024ull * 1024 * 1024)
#define ARENA_MAX_BYTES (1024ull * 1024 * 1024)
#define PAGE 256
#define PAGE_MAX_BYTES (16ull * 1024 * 1024)
#define US_PER_S 1000000ll

/* Prints one page of a list of an org; `*after` is moved on, `*ret_more` says
 * whether there may be more. */
typedef enum tb_err page_fn(struct tb_session *session, struct tb_tx *tx,
			    struct tb_arena *arena, const struct tb_org *org,
			    uint64_t *after, struct tb_buf *out,
			    bool *ret_more);

/* ---- lists ---- */

static enum tb_err read_page(struct tb_session *session, page_fn *page,
			     struct tb_arena *arena, const struct tb_org *org,
			     uint64_t *after, struct tb_buf *out,
			     bool *ret_more)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (err)
		return err;
	tb_arena_reset(arena);
	tb_buf_reset(out);
	err = page(session, tx, arena, org, after, out, ret_more);
	tb_core_read_end(tx);
	return err;
}

static enum tb_exit list_org(struct tb_session *session, page_fn *page,
			     struct tb_arena *arena, const struct tb_org *org)
{
	enum tb_exit exit = TB_EXIT_OK;
	uint64_t after = 0;
	struct tb_buf out;
	bool more = true;

	tb_buf_init(&out, OUTPUT_MAX_BYTES);
	while (!exit && more) {
		enum tb_err err = read_page(session, page, arena, org, &after,
					    &out, &more);

		exit = err ? tb_fail(err, "list") : tb_print(&out);
	}
	tb_buf_fini(&out);
	return exit;
}

static enum tb_exit list(struct tb_session *session, page_fn *page)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	enum tb_exit exit = TB_EXIT_OK;
	enum tb_err next = TB_OK;

	if (!arena)
		return tb_fail(TB_ERR_NOMEM, "list");
	while (!exit && !(next = tb_session_next_org(session, &org)))
		exit = list_org(session, page, arena, &org);
	tb_arena_destroy(arena);
	if (exit)
		return exit;
	return next == TB_ERR_NOT_FOUND ? TB_EXIT_OK : tb_exit_of(next);
}

/* ---- what is registered ---- */

static const char *state_name(enum tb_registration_state state)
{
	static const char *const names[] = {
		[TB_REGISTRATION_ACTIVE] = "active",
		[TB_REGISTRATION_AWAY] = "away",
		[TB_REGISTRATION_RETIRED] = "retired",
	};

	return names[state];
}

/* How many numbers above `floor`, up to `head`, are not done. */
static uint64_t count_waiting(const struct tb_marks *marks, uint64_t floor,
			      uint64_t head)
{
	uint64_t from = marks->done > floor ? marks->done : floor;
	uint64_t n = head > from ? head - from : 0;

	for (size_t i = 0; i < marks->n_islands; i++) {
		const struct tb_island *island = &marks->islands[i];
		uint64_t first =
			island->first > from ? island->first : from + 1;

		if (island->last >= first)
			n -= island->last - first + 1;
	}
	return n;
}

struct ends {
	uint64_t floor;
	uint64_t head;
};

static void put_registration(struct tb_buf *out, const struct tb_org *org,
			     const struct tb_registration *registration,
			     const struct tb_marks *marks,
			     const struct ends *ends)
{
	struct tb_json_writer w = tb_json_writer(out);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "org", tb_str_z(org->name));
	tb_json_kv_str(&w, "device_id", registration->device);
	tb_json_kv_str(&w, "role", registration->role);
	tb_json_kv_uint(&w, "priority", registration->priority);
	tb_json_kv_str(&w, "state", tb_str_z(state_name(registration->state)));
	tb_devices_kv_time(&w, "registered_at", registration->registered_us);
	tb_devices_kv_time(&w, "seen_at", registration->seen_us);
	tb_json_kv_uint(&w, "done_to", marks->done);
	tb_json_kv_uint(&w, "waiting",
			count_waiting(marks, ends->floor, ends->head));
	tb_json_end_object(&w);
	tb_buf_append_char(out, '\n');
}

static enum tb_err read_ends(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org, struct ends *ret)
{
	enum tb_err err = tb_device_head(tx, org, &ret->head);

	return err ? err : tb_device_floor(tx, arena, org, &ret->floor);
}

static enum tb_err page_registered(struct tb_session *session, struct tb_tx *tx,
				   struct tb_arena *arena,
				   const struct tb_org *org, uint64_t *after,
				   struct tb_buf *out, bool *ret_more)
{
	struct tb_registration page[PAGE];
	struct tb_marks marks;
	struct ends ends;
	size_t n = 0;
	enum tb_err err = read_ends(tx, arena, org->id, &ends);

	(void)session;
	if (!err)
		err = tb_registration_list(tx, arena, org->id, *after, page,
					   PAGE, &n, after);
	for (size_t i = 0; !err && i < n; i++) {
		err = tb_registration_read(tx, arena, org->id, page[i].device,
					   &page[i], &marks);
		if (!err)
			put_registration(out, org, &page[i], &marks, &ends);
	}
	*ret_more = n == PAGE;
	return err;
}

enum tb_exit tb_cmd_device_registered(struct tb_session *session)
{
	return list(session, page_registered);
}

static enum tb_exit retire(struct tb_session *session, const char *operation,
			   bool retired)
{
	const char *device = session->cli->args[0];
	struct tb_audit_note note;
	struct tb_org org;
	enum tb_exit exit = tb_session_org(session, &org);
	enum tb_err err;

	if (exit)
		return exit;
	err = tb_session_note(operation, &note);
	note.device = tb_str_z(device);
	if (!err)
		err = tb_registration_retire(session->core, &note, org.id,
					     tb_str_z(device), retired);
	return err ? tb_fail(err, "registered device `%s`", device)
		   : TB_EXIT_OK;
}

enum tb_exit tb_cmd_device_retire(struct tb_session *session)
{
	return retire(session, "device_retire", true);
}

enum tb_exit tb_cmd_device_reinstate(struct tb_session *session)
{
	return retire(session, "device_reinstate", false);
}

/* ---- what waits ---- */

static void put_overdue(struct tb_buf *out, const struct tb_org *org,
			const struct tb_device_event *event)
{
	struct tb_json_writer w = tb_json_writer(out);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "org", tb_str_z(org->name));
	tb_devices_put_event_members(&w, event);
	tb_json_kv_uint(&w, "waiting_for", event->waiting_for);
	tb_json_end_object(&w);
	tb_buf_append_char(out, '\n');
}

static int64_t deadline_us(const struct tb_session *session)
{
	const struct tb_devices_options *options =
		tb_config_api(session->config, &tb_devices_module);

	return options->deadline_s * US_PER_S;
}

static enum tb_err page_overdue(struct tb_session *session, struct tb_tx *tx,
				struct tb_arena *arena,
				const struct tb_org *org, uint64_t *after,
				struct tb_buf *out, bool *ret_more)
{
	struct tb_device_query query = {
		.org = org->id,
		.feed = TB_DEVICE_FEED_OVERDUE,
		.after = *after,
		.limit = PAGE,
		.max_bytes = PAGE_MAX_BYTES,
	};
	struct tb_device_page page = { .n = 0 };
	enum tb_err err = tb_device_find_time(tx, org->id,
					      tb_core_now_us(session->core) -
						      deadline_us(session),
					      &query.until);

	if (!err)
		err = tb_device_read(session->core, tx, arena, &query, &page);
	for (size_t i = 0; !err && i < page.n; i++)
		put_overdue(out, org, &page.events[i]);
	*after = page.last;
	*ret_more = page.has_more;
	return err;
}

enum tb_exit tb_cmd_device_overdue(struct tb_session *session)
{
	return list(session, page_overdue);
}

enum tb_exit tb_cmd_device_give_up(struct tb_session *session)
{
	const char *arg = session->cli->args[0];
	struct tb_audit_note note;
	struct tb_org org;
	enum tb_exit exit;
	enum tb_err err;
	uint64_t id;

	if (tb_str_to_u64(tb_str_z(arg), &id))
		return tb_fail_usage("device give-up: `%s` is no event", arg);
	exit = tb_session_org(session, &org);
	if (exit)
		return exit;
	err = tb_session_note("device_give_up", &note);
	if (!err)
		err = tb_device_give_up(session->core, &note, org.id, id);
	if (err == TB_ERR_CONFLICT)
		return tb_fail(err, "event %s waits for no device", arg);
	return err ? tb_fail(err, "event %s", arg) : TB_EXIT_OK;
}
