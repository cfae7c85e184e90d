/*
 * The commits that change registrations.
 */
#include "base/assert.h"
#include "kernel/commit.h"
#include "kernel/device_upkeep.h"
#include "kernel/registration.h"

/* ---- what a device says of itself ---- */

struct enrol {
	struct tb_commit commit;
	const struct tb_register *what;
	uint64_t devices_max;
};

/* True if the registration says already what is asked. */
static bool says(const struct tb_registration *reg,
		 const struct tb_register *what)
{
	return (what->role.p == NULL || tb_str_eq(reg->role, what->role)) &&
	       (!what->has_priority || reg->priority == what->priority);
}

static bool is_seen_lately(const struct tb_registration *reg, int64_t now_us)
{
	return now_us - reg->seen_us < TB_REGISTRATION_SEEN_STEP_US;
}

static enum tb_err enrol_gather(struct tb_commit *commit, struct tb_view *view)
{
	const struct enrol *enrol = (const struct enrol *)commit;

	return tb_registration_want(view, enrol->what->device);
}

static enum tb_err enrol_decide(struct tb_commit *commit, struct tb_view *view)
{
	const struct enrol *enrol = (const struct enrol *)commit;
	const struct tb_register *what = enrol->what;
	int64_t now_us = tb_view_now_us(view);
	struct tb_registration reg;
	struct tb_device_marks marks;
	enum tb_err err = tb_registration_get(view, what->device, &reg, NULL);

	if (err == TB_ERR_NOT_FOUND)
		err = tb_registration_make(view, what->device,
					   enrol->devices_max, &reg, &marks);
	if (err == TB_OK)
		err = tb_registration_see(view, &reg);
	if (err != TB_OK || (says(&reg, what) && is_seen_lately(&reg, now_us)))
		return err;
	if (what->role.p != NULL)
		reg.role = what->role;
	if (what->has_priority)
		reg.priority = what->priority;
	reg.seen_us = now_us;
	return tb_registration_save(view, &reg);
}

/* From a snapshot of its own, which ends before a commit begins. */
static enum tb_err read_now(struct tb_core *core, struct tb_arena *arena,
			    uint32_t org, struct tb_str device,
			    struct tb_registration *ret)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(core, &tx);

	if (err != TB_OK)
		return err;
	err = tb_registration_read(tx, arena, org, device, ret, NULL);
	tb_core_read_end(tx);
	return err;
}

enum tb_err
tb_registration_register(struct tb_core *core, struct tb_arena *arena,
			 const struct tb_audit_note *note, uint32_t org,
			 const struct tb_register *what, uint64_t devices_max,
			 struct tb_registration *ret)
{
	static const struct tb_commit_kind kind = {
		.name = "register_device",
		.gather = enrol_gather,
		.decide = enrol_decide,
	};
	struct enrol enrol = {
		.commit = { .kind = &kind,
			    .org = org,
			    .note = *note,
			    .weight = 2 },
		.what = what,
		.devices_max = devices_max,
	};
	enum tb_err err = read_now(core, arena, org, what->device, ret);

	if (err == TB_OK && ret->state != TB_REGISTRATION_AWAY &&
	    says(ret, what) && is_seen_lately(ret, tb_core_now_us(core)))
		return TB_OK;
	if (err == TB_OK || err == TB_ERR_NOT_FOUND)
		err = tb_core_commit(core, &enrol.commit);
	return err == TB_OK ? read_now(core, arena, org, what->device, ret)
			    : err;
}

/* ---- by an operator ---- */

struct retire {
	struct tb_commit commit;
	struct tb_str device;
	bool retired;
};

static enum tb_err retire_gather(struct tb_commit *commit, struct tb_view *view)
{
	const struct retire *asked = (const struct retire *)commit;

	return tb_registration_want(view, asked->device);
}

/* Writes off what one commit may. */
static enum tb_err retire(struct tb_view *view, struct tb_registration *reg)
{
	size_t left = TB_DEVICE_UPKEEP_MAX;
	enum tb_err err = TB_OK;

	if (reg->state == TB_REGISTRATION_ACTIVE) {
		err = tb_registration_leave(view, reg, TB_REGISTRATION_RETIRED);
		if (err == TB_OK)
			err = tb_registration_write_off(view, reg, &left);
	}
	reg->state = TB_REGISTRATION_RETIRED;
	reg->is_back = false;
	return err == TB_OK ? tb_registration_save(view, reg) : err;
}

static enum tb_err retire_decide(struct tb_commit *commit, struct tb_view *view)
{
	const struct retire *asked = (const struct retire *)commit;
	struct tb_registration reg;
	enum tb_err err = tb_registration_get(view, asked->device, &reg, NULL);

	if (err != TB_OK ||
	    asked->retired == (reg.state == TB_REGISTRATION_RETIRED))
		return err;
	if (asked->retired)
		return retire(view, &reg);
	reg.state = TB_REGISTRATION_AWAY;
	return tb_registration_see(view, &reg);
}

enum tb_err tb_registration_retire(struct tb_core *core,
				   const struct tb_audit_note *note,
				   uint32_t org, struct tb_str device,
				   bool retired)
{
	static const struct tb_commit_kind kind = {
		.name = "retire_device",
		.gather = retire_gather,
		.decide = retire_decide,
	};
	struct retire asked = {
		.commit = { .kind = &kind,
			    .org = org,
			    .note = *note,
			    .weight = TB_DEVICE_UPKEEP_MAX },
		.device = device,
		.retired = retired,
	};

	return tb_core_commit(core, &asked.commit);
}

/* ---- that they were seen ---- */

/* Devices at a time. */
#define SEEN_PAGE 256
#define SEEN_ARENA_MAX_BYTES ((size_t)16 << 20)

struct note_seen {
	struct tb_commit commit;
	struct tb_device_seen *seen;
	size_t n;
};

static bool is_news(const struct tb_registration *reg, int64_t seen_us)
{
	return (reg->state == TB_REGISTRATION_AWAY && !reg->is_back) ||
	       seen_us - reg->seen_us >= TB_REGISTRATION_SEEN_STEP_US;
}

static enum tb_err note_seen_gather(struct tb_commit *commit,
				    struct tb_view *view)
{
	const struct note_seen *note = (const struct note_seen *)commit;
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < note->n; i++)
		err = tb_view_want(view, TB_COLL_REGISTRATION,
				   note->seen[i].device);
	return err;
}

static enum tb_err note_one(struct tb_view *view,
			    const struct tb_device_seen *seen)
{
	int64_t now_us = tb_view_now_us(view);
	struct tb_registration reg;
	enum tb_err err = tb_registration_get(view, seen->device, &reg, NULL);

	if (err == TB_OK)
		err = tb_registration_see(view, &reg);
	if (err != TB_OK || !is_news(&reg, seen->seen_us))
		return err == TB_ERR_NOT_FOUND ? TB_OK : err;
	reg.seen_us = seen->seen_us < now_us ? seen->seen_us : now_us;
	return tb_registration_save(view, &reg);
}

static enum tb_err note_seen_decide(struct tb_commit *commit,
				    struct tb_view *view)
{
	const struct note_seen *note = (const struct note_seen *)commit;
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < note->n; i++)
		err = note_one(view, &note->seen[i]);
	return err;
}

/* Keeps what there is news of, so that most calls cost no commit. */
static enum tb_err keep_news(struct tb_tx *tx, struct tb_arena *arena,
			     struct note_seen *note,
			     const struct tb_device_seen *seen, size_t n)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < n; i++) {
		struct tb_registration reg;

		tb_arena_reset(arena);
		err = tb_registration_read(tx, arena, note->commit.org,
					   seen[i].device, &reg, NULL);
		if (err == TB_OK && is_news(&reg, seen[i].seen_us))
			note->seen[note->n++] = seen[i];
		if (err == TB_ERR_NOT_FOUND)
			err = TB_OK;
	}
	return err;
}

static enum tb_err note_page(struct tb_core *core, struct tb_arena *arena,
			     uint32_t org, const struct tb_device_seen *seen,
			     size_t n)
{
	static const struct tb_commit_kind kind = {
		.name = "devices_seen",
		.gather = note_seen_gather,
		.decide = note_seen_decide,
	};
	struct tb_device_seen news[SEEN_PAGE];
	struct note_seen note = {
		.commit = { .kind = &kind, .org = org },
		.seen = news,
	};
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(core, &tx);

	if (err != TB_OK)
		return err;
	err = keep_news(tx, arena, &note, seen, n);
	tb_core_read_end(tx);
	note.commit.weight = note.n;
	return err == TB_OK && note.n > 0 ? tb_core_commit(core, &note.commit)
					  : err;
}

enum tb_err tb_registration_note_seen(struct tb_core *core, uint32_t org,
				      const struct tb_device_seen *seen,
				      size_t n)
{
	struct tb_arena *arena = tb_arena_create(SEEN_ARENA_MAX_BYTES);
	enum tb_err err = arena != NULL ? TB_OK : TB_ERR_NOMEM;

	for (size_t at = 0; err == TB_OK && at < n; at += SEEN_PAGE) {
		size_t part = n - at < SEEN_PAGE ? n - at : SEEN_PAGE;

		err = note_page(core, arena, org, seen + at, part);
	}
	tb_arena_destroy(arena);
	return err;
}
