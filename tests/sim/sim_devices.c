/*
 * Tills and other devices under change: they push, some of it again because the
 * answer was lost, pull, acknowledge scattered ids and all up to one, are
 * retired and taken back, stay away and return, while events fail and go. Some
 * of what they do is committed in one group. What each may see is compared with
 * plain sets (device_model.h). Prints its seed; `sim_devices SEED` replays one,
 * `sim_devices FIRST LAST` runs a range; so does TB_SEED=, and TB_SEEDS= says
 * how many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "device_model.h"
#include "grouped.h"
#include "store/fail/fail.h"

#define STEPS 400
#define CHECK_EVERY 25
#define ITEMS_MAX 5
#define IDS_MAX 40
#define CLIENT_IDS 30
/* A device that sends much between what the others send, and acknowledges
 * little, so that not all that is its own is marked. */
#define TALKER 0
#define MINUTE_US (60 * (int64_t)1000000)
#define HOUR_US (60 * MINUTE_US)
#define START_US (1700000000 * (int64_t)1000000)
#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define PAYLOAD "{\"n\":1}"
#define SENT "{\"payload\":" PAYLOAD "}"

/* The clock goes by minutes, so that nothing is due at just that time. */
static const struct tb_device_ages ages = {
	.absent_us = 6 * HOUR_US + MINUTE_US / 2,
	.pending_us = 24 * HOUR_US + MINUTE_US / 2,
	.keep_us = 48 * HOUR_US + MINUTE_US / 2,
};

static const char *const devices[MODEL_DEVICES] = {
	"a", "b", "c", "d", "e", "f", "g", "h", "i", "a/1", "1/a", "till \"7\"",
};
static const char *const users[MODEL_USERS] = { "", "u", "a" };
static const char *const roles[] = { "", "till", "phone" };

static uint64_t seed;
static unsigned step;

#define REQUIRE(expr) ((expr) ? (void)0 : broken(#expr, __FILE__, __LINE__))
static _Noreturn void broken(const char *expr, const char *file, int line)
{
	(void)fprintf(stderr, "%s:%d: seed %llu, step %u: %s\n", file, line,
		      (unsigned long long)seed, step, expr);
	abort();
}
#define MUST(call) REQUIRE((call) == TB_OK)

struct world {
	uint64_t random;
	struct grouped *g;
	struct tb_core *core;
	uint32_t org;
	struct tb_arena *arena; /* of what is checked */
	struct model model;
};

/* xorshift64*: enough to mix operations, and the same everywhere. */
static unsigned pick(struct world *w, unsigned n)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (unsigned)((w->random * 0x2545f4914f6cdd1dull) >> 33) % n;
}

/* Devices sleep for half a day now and then: nobody hears of them, so that they
 * become absent. */
static bool is_asleep(const struct world *w, unsigned device)
{
	uint64_t half_day =
		(uint64_t)(w->model.now_us - START_US) / (12 * HOUR_US);

	return (half_day + 7 * device) % 5 == 0;
}

static unsigned pick_device(struct world *w)
{
	unsigned device = pick(w, MODEL_DEVICES);

	return is_asleep(w, device) ? pick(w, MODEL_DEVICES) : device;
}

static struct tb_audit_note note_of(const char *operation)
{
	return (struct tb_audit_note) { .event_type = "devices",
					.operation = operation,
					.status = "ok",
					.principal = TB_STR("cli") };
}

/* ---- what is done ---- */

struct op;

struct op_kind {
	unsigned weight;
	void (*make)(struct world *w, struct op *op);
	/* Calls the kernel, on whatever thread. */
	void (*run)(struct op *op);
	/* Does it to the model, and compares what came of it, unless the
	 * answer was lost. */
	void (*apply)(struct world *w, struct op *op);
};

struct op {
	const struct op_kind *kind;
	struct tb_core *core;
	uint32_t org;
	struct tb_arena *arena;
	unsigned device;
	size_t n; /* items, or ids */
	struct tb_device_push_item items[ITEMS_MAX];
	struct model_event events[ITEMS_MAX];
	char client_ids[ITEMS_MAX][16];
	uint64_t ids[IDS_MAX];
	uint64_t up_to;
	unsigned role;
	bool retired;
	struct tb_device_seen seen[MODEL_DEVICES];
	unsigned seen_devices[MODEL_DEVICES];

	/* Of the model, before it and those that are in its group. */
	uint64_t head;
	bool is_expected; /* to commit; not asked of acknowledgements */
	bool is_news[MODEL_DEVICES];

	/* The result. */
	enum tb_err err;
	struct tb_device_ack ack;
	bool has_committed;
	bool is_lost;
};

/* ---- pushing ---- */

static void push_make(struct world *w, struct op *op)
{
	op->n = 1 + pick(w, ITEMS_MAX);
	for (size_t i = 0; i < op->n; i++) {
		struct model_event *event = &op->events[i];

		*event = (struct model_event) {
			.kind = (enum tb_device_event_kind)pick(w, 3),
			.device = pick(w, 2)   ? TALKER
				  : pick(w, 2) ? op->device
					       : pick_device(w),
			.user = pick(w, MODEL_USERS),
			.client_id = pick(w, 2) ? 1 + pick(w, CLIENT_IDS) : 0,
		};
		if (event->client_id != 0)
			(void)snprintf(op->client_ids[i],
				       sizeof(op->client_ids[i]), "%u",
				       event->client_id);
		else
			op->client_ids[i][0] = '\0';
	}
	op->is_expected = true;
}

static void push_run(struct op *op)
{
	const struct tb_str sent = TB_STR(SENT);
	struct tb_device_push push = {
		.commit = { .note = note_of("push") },
		.items = op->items,
		.n = op->n,
		.devices_max = MODEL_DEVICES_MAX,
		.arena = op->arena,
	};

	for (size_t i = 0; i < op->n; i++)
		op->items[i] = (struct tb_device_push_item) {
			.kind = op->events[i].kind,
			.device = tb_str_z(devices[op->events[i].device]),
			.user = tb_str_z(users[op->events[i].user]),
			.type = TB_STR("sale"),
			.sent = sent,
			.payload = tb_str(sent.p + strlen("{\"payload\":"),
					  strlen(PAYLOAD)),
			.client_id = tb_str_z(op->client_ids[i]),
		};
	op->err = tb_device_push_prepare(&push, op->org);
	if (op->err == TB_OK)
		op->err = tb_core_commit(op->core, &push.commit);
}

static void push_apply(struct world *w, struct op *op)
{
	for (size_t i = 0; i < op->n; i++) {
		const struct tb_device_push_item *item = &op->items[i];
		bool repeated;
		uint64_t id = model_push(&w->model, &op->events[i], &repeated);

		if (id != 0 && !repeated)
			w->model.events[id].arrived_us = w->model.now_us;
		if (op->is_lost)
			continue;
		REQUIRE(item->err == (id != 0 ? TB_OK : TB_ERR_CONFLICT));
		if (id == 0)
			continue;
		REQUIRE(item->id == id);
		REQUIRE(item->is_repeated == repeated);
	}
	REQUIRE(op->is_lost || op->err == TB_OK);
}

/* ---- acknowledging ---- */

static void ack_make(struct world *w, struct op *op)
{
	const struct model *m = &w->model;
	unsigned span = (unsigned)(m->head - m->floor) + 1;

	op->n = 0;
	op->up_to = 0;
	if (op->device == TALKER && pick(w, 8) > 0)
		op->device++;
	if (pick(w, 4) == 0) {
		op->up_to = m->floor + pick(w, span) + pick(w, 3);
		return;
	}
	op->n = 1 + pick(w, IDS_MAX);
	for (size_t i = 0; i < op->n; i++)
		switch (pick(w, 12)) {
		case 0:
			op->ids[i] = pick(w, (unsigned)m->head + 4);
			break;
		case 1:
			op->ids[i] = m->floor + 1 + i;
			break;
		default:
			op->ids[i] = m->floor + pick(w, span);
		}
}

static void ack_run(struct op *op)
{
	const struct tb_audit_note note = note_of("acknowledge");

	op->ack = (struct tb_device_ack) {
		.device = tb_str_z(devices[op->device]),
		.ids = op->ids,
		.n = op->n,
		.up_to = op->up_to,
		.devices_max = MODEL_DEVICES_MAX,
	};
	op->err = tb_device_acknowledge(op->core, op->arena, &note, op->org,
					&op->ack);
}

static size_t count_unknown(const struct op *op)
{
	size_t n = 0;

	for (size_t i = 0; i < op->n; i++) {
		bool is_first = true;

		for (size_t j = 0; j < i; j++)
			is_first &= op->ids[j] != op->ids[i];
		n += is_first && (op->ids[i] == 0 || op->ids[i] > op->head);
	}
	return n;
}

static uint64_t ack_model(struct world *w, struct op *op)
{
	uint64_t n = 0;

	if (op->n > 0)
		return model_acknowledge(&w->model, op->device, op->ids, op->n,
					 op->head);
	for (uint64_t id = 1; id <= op->up_to; id++)
		n += model_acknowledge(&w->model, op->device, &id, 1, op->head);
	return n;
}

static void ack_apply(struct world *w, struct op *op)
{
	struct model_device *d = &w->model.devices[op->device];
	uint64_t missed_from = d->missed_from;
	uint64_t n;

	if (!op->has_committed)
		REQUIRE(d->is_registered);
	if (!model_register(&w->model, op->device)) {
		REQUIRE(op->is_lost || op->err == TB_ERR_CONFLICT);
		return;
	}
	if (op->has_committed)
		model_see(&w->model, op->device);
	n = ack_model(w, op);
	if (!op->has_committed) {
		REQUIRE(n == 0);
		d->missed_from = missed_from;
	}
	if (op->is_lost)
		return;
	MUST(op->err);
	REQUIRE(op->ack.n_new == n);
	REQUIRE(op->ack.n_unknown == count_unknown(op));
}

/* ---- registrations ---- */

static bool says(const struct model_device *d, const struct op *op,
		 int64_t now_us)
{
	return d->role == op->role &&
	       now_us - d->seen_us < TB_REGISTRATION_SEEN_STEP_US;
}

static void register_make(struct world *w, struct op *op)
{
	const struct model_device *d = &w->model.devices[op->device];

	op->role = pick(w, TB_ARRAY_LEN(roles));
	op->is_expected = !d->is_registered ||
			  d->state == TB_REGISTRATION_AWAY ||
			  !says(d, op, w->model.now_us);
}

static void register_run(struct op *op)
{
	const struct tb_audit_note note = note_of("register");
	const struct tb_register what = {
		.device = tb_str_z(devices[op->device]),
		.role = tb_str_z(roles[op->role]),
	};
	struct tb_registration reg;

	op->err = tb_registration_register(op->core, op->arena, &note, op->org,
					   &what, MODEL_DEVICES_MAX, &reg);
}

static void register_apply(struct world *w, struct op *op)
{
	struct model_device *d = &w->model.devices[op->device];

	REQUIRE(op->is_lost || op->has_committed || op->err == TB_OK);
	if (!op->has_committed)
		return;
	if (!model_register(&w->model, op->device)) {
		REQUIRE(op->is_lost || op->err == TB_ERR_CONFLICT);
		return;
	}
	model_see(&w->model, op->device);
	if (!says(d, op, w->model.now_us)) {
		d->role = op->role;
		d->seen_us = w->model.now_us;
	}
	REQUIRE(op->is_lost || op->err == TB_OK);
}

static void retire_make(struct world *w, struct op *op)
{
	op->retired = pick(w, 2);
	op->is_expected = true;
}

static void retire_run(struct op *op)
{
	const struct tb_audit_note note = note_of("retire");

	op->err = tb_registration_retire(op->core, &note, op->org,
					 tb_str_z(devices[op->device]),
					 op->retired);
}

static void retire_apply(struct world *w, struct op *op)
{
	if (!w->model.devices[op->device].is_registered) {
		REQUIRE(op->is_lost || op->err == TB_ERR_NOT_FOUND);
		return;
	}
	model_retire(&w->model, op->device, op->retired);
	REQUIRE(op->is_lost || op->err == TB_OK);
}

static bool is_stale(const struct world *w, unsigned device)
{
	return w->model.now_us - w->model.devices[device].seen_us >=
	       TB_REGISTRATION_SEEN_STEP_US;
}

static void see_make(struct world *w, struct op *op)
{
	op->n = 0;
	op->is_expected = false;
	for (unsigned i = 0; i < MODEL_DEVICES; i++) {
		const struct model_device *d = &w->model.devices[i];

		if (is_asleep(w, i) || pick(w, 3) == 0)
			continue;
		op->is_news[op->n] =
			d->is_registered &&
			(d->state == TB_REGISTRATION_AWAY || is_stale(w, i));
		op->is_expected |= op->is_news[op->n];
		op->seen_devices[op->n] = i;
		op->seen[op->n++] =
			(struct tb_device_seen) { tb_str_z(devices[i]),
						  w->model.now_us };
	}
}

static void see_run(struct op *op)
{
	op->err = tb_registration_note_seen(op->core, op->org, op->seen, op->n);
}

static void see_apply(struct world *w, struct op *op)
{
	for (size_t i = 0; i < op->n; i++) {
		unsigned device = op->seen_devices[i];

		if (!op->is_news[i])
			continue;
		model_see(&w->model, device);
		if (is_stale(w, device))
			w->model.devices[device].seen_us = w->model.now_us;
	}
	REQUIRE(op->is_lost || op->err == TB_OK);
}

/* ---- events ---- */

static void give_up_make(struct world *w, struct op *op)
{
	op->up_to = pick(w, (unsigned)w->model.head + 3);
	op->is_expected = true;
}

static void give_up_run(struct op *op)
{
	const struct tb_audit_note note = note_of("give_up");

	op->err = tb_device_give_up(op->core, &note, op->org, op->up_to);
}

static void give_up_apply(struct world *w, struct op *op)
{
	enum tb_err err = model_give_up(&w->model, op->up_to);

	REQUIRE(op->is_lost || op->err == err);
}

static void keep_up_make(struct world *w, struct op *op)
{
	op->is_expected = model_is_due(&w->model, &ages);
}

static void keep_up_run(struct op *op)
{
	bool more = false;

	op->err = tb_device_upkeep(op->core, op->org, &ages, &more);
	TB_ASSERT(!more);
}

static void keep_up_apply(struct world *w, struct op *op)
{
	if (op->has_committed)
		model_keep_up(&w->model, &ages);
	REQUIRE(op->is_lost || op->err == TB_OK);
}

static const struct op_kind kinds[] = {
	{ 30, push_make, push_run, push_apply },
	{ 30, ack_make, ack_run, ack_apply },
	{ 8, register_make, register_run, register_apply },
	{ 4, retire_make, retire_run, retire_apply },
	{ 12, see_make, see_run, see_apply },
	{ 3, give_up_make, give_up_run, give_up_apply },
	{ 13, keep_up_make, keep_up_run, keep_up_apply },
};

/* ---- steps ---- */

static void make_op(struct world *w, struct op *op)
{
	unsigned at = pick(w, 100);
	size_t kind = 0;

	while (at >= kinds[kind].weight)
		at -= kinds[kind++].weight;
	*op = (struct op) { .kind = &kinds[kind],
			    .core = w->core,
			    .org = w->org,
			    .arena = tb_arena_create(ARENA_MAX_BYTES),
			    .device = pick_device(w),
			    .head = w->model.head };
	REQUIRE(op->arena != NULL);
	op->kind->make(w, op);
}

static void run_op(void *arg)
{
	struct op *op = arg;

	op->kind->run(op);
}

static void run_ops(struct world *w, struct op *ops, size_t n)
{
	struct grouped_call calls[GROUPED_MAX];

	for (size_t i = 0; i < n; i++)
		calls[i] =
			(struct grouped_call) { .run = run_op, .arg = &ops[i] };
	grouped_run(w->g, calls, n);
	for (size_t i = 0; i < n; i++) {
		ops[i].has_committed = calls[i].has_committed;
		if (ops[i].kind->make != ack_make)
			REQUIRE(ops[i].has_committed == ops[i].is_expected);
	}
}

static void step_group(struct world *w)
{
	size_t n = pick(w, 3) ? 1 : 2 + pick(w, GROUPED_MAX - 1);
	struct op ops[GROUPED_MAX];

	for (size_t i = 0; i < n; i++)
		make_op(w, &ops[i]);
	run_ops(w, ops, n);
	for (size_t i = 0; i < n; i++) {
		ops[i].kind->apply(w, &ops[i]);
		tb_arena_destroy(ops[i].arena);
	}
}

/* The commit fails: it took place, or it did not, and who asked does not know.
 * Then it asks again. */
static void step_lost(struct world *w)
{
	struct tb_fail_plan plan = { .call = TB_FAIL_COMMIT,
				     .first = 1,
				     .last = 1,
				     .err = TB_ERR_IO,
				     .commit_happens = pick(w, 2) };
	struct op op;

	make_op(w, &op);
	tb_fail_set_plan(grouped_store(w->g), &plan);
	run_ops(w, &op, 1);
	tb_fail_set_plan(grouped_store(w->g), NULL);
	op.is_lost = op.has_committed;
	if (plan.commit_happens || !op.has_committed)
		op.kind->apply(w, &op);
	op.is_lost = false;
	op.head = w->model.head;
	/* What it expects may have changed by what took place. */
	if (op.kind->make == push_make || op.kind->make == ack_make) {
		run_ops(w, &op, 1);
		op.kind->apply(w, &op);
	}
	tb_arena_destroy(op.arena);
}

/* ---- what is seen ---- */

static void check_event(const struct world *w,
			const struct tb_device_event *event)
{
	const struct model_event *expected = &w->model.events[event->id];

	REQUIRE(!expected->is_gone);
	REQUIRE(event->kind == expected->kind);
	REQUIRE(event->status == expected->status);
	REQUIRE(event->waiting_for == model_waiting(expected));
	REQUIRE(tb_str_eq(event->device, tb_str_z(devices[expected->device])));
	REQUIRE(tb_str_eq(event->user, tb_str_z(users[expected->user])));
	REQUIRE(tb_str_eq(event->sent, TB_STR(SENT)));
}

/* Reads a query to its end, in pages; the ids, of which there are `n`. */
static size_t read_all(struct world *w, struct tb_tx *tx,
		       struct tb_device_query *query, uint64_t *ids)
{
	struct tb_device_page page = { .has_more = true };
	size_t n = 0;

	query->org = w->org;
	query->max_bytes = SIZE_MAX;
	while (page.has_more) {
		query->limit = 1 + pick(w, 50);
		MUST(tb_device_read(tx, w->arena, query, &page));
		for (size_t i = 0; i < page.n; i++) {
			check_event(w, &page.events[i]);
			ids[n++] = page.events[i].id;
		}
		if (query->backwards)
			query->until = page.last - 1;
		else
			query->after = page.last;
	}
	return n;
}

/* What it is given in pages is what it is to be given. */
static void check_pull(struct world *w, struct tb_tx *tx, unsigned device,
		       const struct tb_device_marks *marks, bool only_critical)
{
	struct tb_device_query query = {
		.feed = only_critical ? TB_DEVICE_FEED_LIVE
				      : TB_DEVICE_FEED_ALL,
		.until = UINT64_MAX,
		.marks = marks,
		.not_device = tb_str_z(devices[device]),
		.only_critical = only_critical,
	};
	uint64_t ids[MODEL_EVENTS];
	size_t n = read_all(w, tx, &query, ids);
	size_t at = 0;

	for (uint64_t id = 1; id <= w->model.head; id++) {
		if (!model_gets(&w->model, device, id) ||
		    (only_critical &&
		     w->model.events[id].kind != TB_DEVICE_EVENT_CRITICAL))
			continue;
		REQUIRE(at < n && ids[at] == id);
		at++;
	}
	REQUIRE(at == n);
}

/* Marks are no longer than what they leave out, and its own, ask for. */
static void check_marks(const struct world *w, unsigned device,
			const struct tb_device_marks *marks)
{
	size_t n_left[2] = { 0, 0 };

	for (uint64_t id = 1; id <= w->model.head; id++)
		n_left[w->model.events[id].kind == TB_DEVICE_EVENT_CRITICAL] +=
			model_gets(&w->model, device, id);
	REQUIRE(marks->others.n_islands <= n_left[0] + 64);
	REQUIRE(marks->critical.n_islands <= n_left[1] + 64);
}

static void check_missed(const struct world *w, unsigned device,
			 const struct tb_device_marks *marks)
{
	const struct model_device *d = &w->model.devices[device];
	bool missed = false;

	for (uint64_t id = d->missed_from + 1; id <= w->model.floor; id++)
		missed |= w->model.events[id].device != device && !d->has[id];
	if (missed)
		REQUIRE(tb_device_marks_missed(marks, w->model.floor) ==
			w->model.floor);
}

static void check_device(struct world *w, struct tb_tx *tx, unsigned device)
{
	const struct model_device *d = &w->model.devices[device];
	struct tb_device_marks marks;
	struct tb_registration reg;
	enum tb_err err = tb_registration_read(
		tx, w->arena, w->org, tb_str_z(devices[device]), &reg, &marks);

	REQUIRE(err == (d->is_registered ? TB_OK : TB_ERR_NOT_FOUND));
	check_pull(w, tx, device, err == TB_OK ? &marks : NULL, false);
	check_pull(w, tx, device, err == TB_OK ? &marks : NULL, true);
	if (err != TB_OK)
		return;
	REQUIRE(reg.state == d->state);
	REQUIRE(reg.seen_us == d->seen_us);
	REQUIRE(reg.first == d->first);
	REQUIRE(tb_str_eq(reg.role, tb_str_z(roles[d->role])));
	check_marks(w, device, &marks);
	check_missed(w, device, &marks);
}

/* The history and the summary of a device (MODEL_DEVICES: any) and a user (0:
 * any). */
static void check_sender(struct world *w, struct tb_tx *tx, unsigned device,
			 unsigned user)
{
	struct tb_device_query query = {
		.feed = TB_DEVICE_FEED_SENDER,
		.device = tb_str_z(device < MODEL_DEVICES ? devices[device]
							  : NULL),
		.user = tb_str_z(users[user]),
		.until = UINT64_MAX,
		.backwards = true,
	};
	uint64_t counts[3] = { 0, 0, 0 };
	uint64_t ids[MODEL_EVENTS];
	struct tb_device_tally tally;
	size_t n = read_all(w, tx, &query, ids);
	size_t at = 0;

	for (uint64_t id = w->model.head; id > w->model.floor; id--) {
		const struct model_event *event = &w->model.events[id];

		if ((device < MODEL_DEVICES && event->device != device) ||
		    (user != 0 && event->user != user))
			continue;
		REQUIRE(at < n && ids[at] == id);
		at++;
		counts[event->status]++;
	}
	REQUIRE(at == n);
	MUST(tb_device_tally_read(tx, w->arena, w->org, query.device,
				  query.user, &tally));
	REQUIRE(tally.pending == counts[TB_DEVICE_EVENT_PENDING]);
	REQUIRE(tally.synced == counts[TB_DEVICE_EVENT_SYNCED]);
	REQUIRE(tally.failed == counts[TB_DEVICE_EVENT_FAILED]);
}

static void check_org(struct world *w, struct tb_tx *tx)
{
	struct tb_device_query overdue = { .feed = TB_DEVICE_FEED_OVERDUE,
					   .until = UINT64_MAX };
	uint64_t ids[MODEL_EVENTS];
	size_t n = read_all(w, tx, &overdue, ids);
	uint64_t num;
	size_t at = 0;

	MUST(tb_device_head(tx, w->org, &num));
	REQUIRE(num == w->model.head);
	MUST(tb_device_floor(tx, w->arena, w->org, &num));
	REQUIRE(num == w->model.floor);
	for (uint64_t id = 1; id <= w->model.head; id++)
		if (w->model.events[id].status == TB_DEVICE_EVENT_PENDING &&
		    w->model.events[id].kind == TB_DEVICE_EVENT_CRITICAL)
			REQUIRE(at < n && ids[at++] == id);
	REQUIRE(at == n);
}

static void store_broken(void *ctx, const char *invariant, uint64_t rid,
			 const char *what)
{
	(void)ctx;
	(void)rid;
	broken(what, invariant, 0);
}

static void check_all(struct world *w, struct tb_tx *tx)
{
	check_org(w, tx);
	for (unsigned d = 0; d <= MODEL_DEVICES; d++)
		for (unsigned user = 0; user < MODEL_USERS; user++)
			if (d < MODEL_DEVICES || user != 0)
				check_sender(w, tx, d, user);
	for (unsigned d = 0; d < MODEL_DEVICES; d++)
		check_device(w, tx, d);
	MUST(tx->store->ops->check(tx, store_broken, NULL));
}

static void check(struct world *w, bool all)
{
	struct tb_tx *tx;

	MUST(tb_core_read(w->core, &tx));
	if (all)
		check_all(w, tx);
	else
		check_device(w, tx, pick(w, MODEL_DEVICES));
	tb_core_read_end(tx);
	tb_arena_reset(w->arena);
}

/* ---- a run ---- */

static void advance(struct world *w)
{
	unsigned minutes = pick(w, 4) ? pick(w, 10) : pick(w, 120);

	w->model.now_us += minutes * MINUTE_US;
	grouped_set_now(w->g, w->model.now_us);
}

static void run(void)
{
	static struct world world;
	struct world *w = &world;

	*w = (struct world) { .random = seed * 0x9e3779b97f4a7c15ull + 1 };
	w->model.now_us = START_US;
	w->g = grouped_create(&w->org);
	w->core = grouped_core(w->g);
	w->arena = tb_arena_create(ARENA_MAX_BYTES);
	REQUIRE(w->arena != NULL);
	grouped_set_now(w->g, w->model.now_us);
	for (step = 0; step < STEPS; step++) {
		advance(w);
		if (pick(w, 10) == 0)
			step_lost(w);
		else
			step_group(w);
		check(w, step % CHECK_EVERY == 0);
	}
	check(w, true);
	tb_arena_destroy(w->arena);
	grouped_destroy(w->g);
}

static uint64_t number_of(const char *text, uint64_t otherwise)
{
	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t first = number_of(argc > 1 ? argv[1] : getenv("TB_SEED"), 1);
	uint64_t n = number_of(getenv("TB_SEEDS"), 1);
	uint64_t last = number_of(argc > 2 ? argv[2] : NULL, first + n - 1);

	for (seed = first; seed <= last; seed++) {
		printf("seed %llu\n", (unsigned long long)seed);
		(void)fflush(stdout);
		run();
	}
	return 0;
}
