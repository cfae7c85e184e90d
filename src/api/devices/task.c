#include "api/devices/task.h"

#include "api/devices/client_calls.h"
#include "api/devices/realtime_state.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "http/fail.h"

/* Holds the largest message with its tape, or a page of the largest ones. */
#define ARENA_MAX_BYTES ((size_t)512 << 20)
#define ANSWER_MAX_BYTES ((size_t)64 << 10)
#define NAME_MAX_BYTES 512

/* Copies what workers may know of the peer. */
static bool copy_peer(struct tb_task *task)
{
	struct tb_peer *peer = task->peer;
	enum tb_err err;

	task->caller = (struct tb_devices_caller) {
		.devices = task->realtime->devices,
		.principal = peer->principal ? tb_principal_ref(peer->principal)
					     : NULL,
		.org = peer->org,
	};
	err = tb_arena_strdup(task->arena, tb_str_z(peer->token), &task->token);
	if (!err)
		err = tb_arena_strdup(task->arena, tb_peer_device(peer),
				      &task->device);
	return err == TB_OK;
}

struct tb_task *tb_task_create(struct tb_peer *peer,
			       void (*work)(struct tb_task *task),
			       void (*done)(struct tb_task *task),
			       size_t own_bytes)
{
	struct tb_task *task = tb_calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->realtime = peer->realtime;
	task->client = tb_client_ref(peer->client);
	task->peer = tb_peer_ref(peer);
	task->work = work;
	task->done = done;
	task->status = 200;
	task->arena = tb_arena_create(ARENA_MAX_BYTES);
	if (task->arena)
		task->own = tb_arena_calloc(task->arena, 1, own_bytes);
	if (!task->own || !copy_peer(task)) {
		tb_task_destroy(task);
		return NULL;
	}
	return task;
}

void tb_task_destroy(struct tb_task *task)
{
	if (!task)
		return;
	atomic_fetch_sub(&task->realtime->event_bytes, task->args.n);
	tb_principal_unref(task->caller.principal);
	tb_principal_unref(task->found);
	tb_arena_destroy(task->arena);
	tb_peer_unref(task->peer);
	tb_client_unref(task->client);
	tb_free(task);
}

void tb_task_submit(struct tb_task *task)
{
	struct tb_client *client = task->client;

	if (tb_pool_submit(task->realtime->pool, task) == TB_OK)
		return;
	tb_peer_end(task->peer);
	tb_client_close(client);
	tb_task_destroy(task);
}

/* ---- answers ---- */

static void send_answer(struct tb_task *task,
			const struct tb_task_answer *answer)
{
	struct tb_emission emission = { .nsp = TB_STR("/"),
					.args = &answer->text,
					.n_args = 1 };

	/* "a callback, which gets what the answering event would hold"; an
	 * error is told in either way. */
	if (answer->name && (!task->wants_ack || task->status >= 400))
		tb_peer_emit(task->peer, answer->name, answer->text);
	if (task->wants_ack)
		tb_client_ack(task->client, task->ack_id, &emission);
}

/* Back on the loop. */
static void finish(struct tb_client *client, void *arg)
{
	struct tb_task *task = arg;
	const struct tb_peer *peer = task->peer;

	if (peer->state != TB_PEER_GONE && task->done && task->status < 400)
		task->done(task);
	for (size_t i = 0; peer->state != TB_PEER_GONE && i < task->n_answers;
	     i++)
		send_answer(task, &task->answers[i]);
	if (task->call)
		tb_client_resume(client);
	tb_task_destroy(task);
}

void tb_task_run(void *item)
{
	struct tb_task *task = item;

	task->work(task);
	if (task->call && !task->commits)
		tb_task_count(task, task->call->name, task->status);
	if (tb_client_run(task->client, finish, task))
		return;
	/* Without memory nobody can be answered: it is to come again. */
	tb_client_close(task->client);
	tb_task_destroy(task);
}

void tb_task_answer(struct tb_task *task, const char *name, struct tb_str text)
{
	TB_ASSERT(task->n_answers < TB_TASK_ANSWERS_MAX);
	task->answers[task->n_answers++] =
		(struct tb_task_answer) { name, text };
}

void tb_task_answer_buf(struct tb_task *task, const char *name,
			struct tb_buf *buf)
{
	struct tb_str text;
	enum tb_err err = tb_buf_copy_out(buf, task->arena, &text);

	if (err)
		tb_task_fail(task, err, TB_STR_NONE);
	else
		tb_task_answer(task, name, text);
}

void tb_task_fail(struct tb_task *task, enum tb_err err, struct tb_str flaw)
{
	const struct tb_fail *fail = tb_fail_of(err);
	struct tb_json_writer w;
	struct tb_str answer;
	struct tb_buf buf;

	tb_buf_init(&buf, ANSWER_MAX_BYTES);
	w = tb_json_writer(&buf);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "error",
		       flaw.n > 0 ? flaw : tb_str_z(fail->message));
	tb_json_end_object(&w);
	if (tb_buf_copy_out(&buf, task->arena, &answer))
		answer = TB_STR("{\"error\":\"out of memory, try again\"}");
	task->status = fail->status;
	task->n_answers = 0;
	tb_task_answer(task, "error", answer);
}

/* ---- the audit trail ---- */

enum tb_err tb_task_note(struct tb_task *task, const char *operation,
			 struct tb_audit_note *ret)
{
	struct tb_audit_author author = {
		.principal = task->caller.principal,
		.device = task->device,
		.address = tb_client_address(task->client),
		.is_written = &task->commits,
	};

	return tb_api_audit_by(task->arena, &author, "devices", operation, ret);
}

void tb_task_count(const struct tb_task *task, const char *operation,
		   unsigned status)
{
	const struct tb_devices *devices = task->realtime->devices;
	const struct tb_principal *principal = task->caller.principal;
	char text[NAME_MAX_BYTES];
	struct tb_buf name;

	if (!devices->count)
		return;
	tb_buf_init_fixed(&name, text, sizeof(text));
	if (principal)
		tb_buf_printf(&name, "%s/%.*s",
			      tb_principal_kind_name(principal->kind),
			      TB_STR_ARG(principal->key));
	else if (task->device.n > 0)
		tb_buf_printf(&name, "device/%.*s", TB_STR_ARG(task->device));
	devices->count(devices->count_ctx, task->caller.org, tb_buf_str(&name),
		       operation, status);
}
