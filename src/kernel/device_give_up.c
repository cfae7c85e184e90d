#include "kernel/commit.h"
#include "kernel/device_delivery.h"
#include "kernel/device_wait.h"

struct give_up {
	struct tb_commit commit;
	uint64_t id;
};

static enum tb_err gather(struct tb_commit *commit, struct tb_view *view)
{
	const struct give_up *give_up = (const struct give_up *)commit;

	return tb_device_wait_want(view, give_up->id);
}

/* An event without a delivery is synced, if there is one. */
static enum tb_err refusal(struct tb_view *view, uint64_t id)
{
	uint64_t floor;
	uint64_t head;
	enum tb_err err = tb_device_floor_get(view, &floor);

	if (err == TB_OK)
		err = tb_device_head_get(view, &head);
	if (err != TB_OK)
		return err;
	return id > floor && id <= head ? TB_ERR_CONFLICT : TB_ERR_NOT_FOUND;
}

static enum tb_err decide(struct tb_commit *commit, struct tb_view *view)
{
	const struct give_up *give_up = (const struct give_up *)commit;
	struct tb_device_wait wait;
	enum tb_err err = tb_device_wait_get(view, give_up->id, &wait);

	if (err == TB_ERR_NOT_FOUND)
		return refusal(view, give_up->id);
	if (err == TB_OK && wait.status != TB_DEVICE_EVENT_PENDING)
		err = TB_ERR_CONFLICT;
	return err == TB_OK ? tb_device_wait_fail(view, give_up->id, &wait)
			    : err;
}

enum tb_err tb_device_give_up(struct tb_core *core,
			      const struct tb_audit_note *note, uint32_t org,
			      uint64_t id)
{
	static const struct tb_commit_kind kind = {
		.name = "give_up_event",
		.gather = gather,
		.decide = decide,
	};
	struct give_up give_up = {
		.commit = { .kind = &kind,
			    .org = org,
			    .note = *note,
			    .weight = 1 },
		.id = id,
	};

	return tb_core_commit(core, &give_up.commit);
}
