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
/* Devices whose backlogs are counted in one snapshot, and how far. */
#define REGISTERED_PAGE 16
#define WAITING_MAX 1000
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

/* What a device has not acknowledged. */
struct backlog {
	uint64_t done_to; /* all up to this event is done */
	size_t waiting;   /* events */
	bool is_more;     /* no more of them were looked at */
};

static enum tb_err read_backlog(struct tb_tx *tx, uint32_t org,
				struct tb_str device,
				const struct tb_device_marks *marks,
				struct backlog *ret)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_device_query query = {
		.org = org,
		.marks = marks,
		.not_device = device,
		.limit = WAITING_MAX,
		.max_bytes = SIZE_MAX,
	};
	struct tb_device_page page;
	enum tb_err err = TB_ERR_NOMEM;

	if (arena)
		err = tb_device_head(tx, org, &query.until);
	if (!err)
		err = tb_device_read(tx, arena, &query, &page);
	if (!err)
		*ret = (struct backlog) {
			.done_to =
				page.n > 0 ? page.events[0].id - 1 : page.last,
			.waiting = page.n,
			.is_more = page.has_more,
		};
	tb_arena_destroy(arena);
	return err;
}

static void put_registration(struct tb_buf *out, const struct tb_org *org,
			     const struct tb_registration *registration,
			     const struct backlog *backlog)
{
	struct tb_json_writer w = tb_json_writer(out);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "org", tb_str_z(org->name));
	tb_json_kv_str(&w, "device_id", registration->device);
	tb_json_kv_str(&w, "role", registration->role);
	tb_json_kv_uint(&w, "priority", registration->priority);
	tb_json_kv_str(
		&w, "state",
		tb_str_z(tb_registration_state_name(registration->state)));
	tb_devices_kv_time(&w, "registered_at", registration->registered_us);
	tb_devices_kv_time(&w, "seen_at", registration->seen_us);
	tb_json_kv_uint(&w, "done_to", backlog->done_to);
	tb_json_kv_uint(&w, "waiting", backlog->waiting);
	tb_json_kv_bool(&w, "more_waiting", backlog->is_more);
	tb_json_end_object(&w);
	tb_buf_append_char(out, '\n');
}

static enum tb_err put_device(struct tb_tx *tx, struct tb_arena *arena,
			      const struct tb_org *org, struct tb_str device,
			      struct tb_buf *out)
{
	struct tb_registration registration;
	struct tb_device_marks marks;
	struct backlog backlog;
	enum tb_err err = tb_registration_read(tx, arena, org->id, device,
					       &registration, &marks);

	if (!err)
		err = read_backlog(tx, org->id, device, &marks, &backlog);
	if (!err)
		put_registration(out, org, &registration, &backlog);
	return err;
}

static enum tb_err page_registered(struct tb_session *session, struct tb_tx *tx,
				   struct tb_arena *arena,
				   const struct tb_org *org, uint64_t *after,
				   struct tb_buf *out, bool *ret_more)
{
	struct tb_registration page[REGISTERED_PAGE];
	size_t n = 0;
	enum tb_err err = tb_registration_list(tx, arena, org->id, *after, page,
					       REGISTERED_PAGE, &n, after);

	(void)session;
	for (size_t i = 0; !err && i < n; i++)
		err = put_device(tx, arena, org, page[i].device, out);
	*ret_more = n == REGISTERED_PAGE;
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
	err = tb_session_note(session, operation, &note);
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
		err = tb_device_read(tx, arena, &query, &page);
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
	err = tb_session_note(session, "device_give_up", &note);
	if (!err)
		err = tb_device_give_up(session->core, &note, org.id, id);
	if (err == TB_ERR_CONFLICT)
		return tb_fail(err, "event %s waits for no device", arg);
	return err ? tb_fail(err, "event %s", arg) : TB_EXIT_OK;
}
