#include "device_model.h"

#include <string.h>

#include "base/assert.h"

unsigned model_waiting(const struct model_event *event)
{
	unsigned n = 0;

	for (unsigned d = 0; d < MODEL_DEVICES; d++)
		n += event->waits[d];
	return n;
}

static void wait_less(struct model_event *event, unsigned device)
{
	if (event->status != TB_DEVICE_EVENT_PENDING || !event->waits[device])
		return;
	event->waits[device] = false;
	if (model_waiting(event) == 0)
		event->status = TB_DEVICE_EVENT_SYNCED;
}

bool model_register(struct model *m, unsigned device)
{
	struct model_device *d = &m->devices[device];
	unsigned n = 0;

	if (d->is_registered)
		return true;
	for (unsigned i = 0; i < MODEL_DEVICES; i++)
		n += m->devices[i].is_registered;
	if (n >= MODEL_DEVICES_MAX)
		return false;
	d->is_registered = true;
	d->state = TB_REGISTRATION_ACTIVE;
	d->seen_us = m->now_us;
	d->first = m->head;
	d->missed_from = m->floor;
	return true;
}

void model_see(struct model *m, unsigned device)
{
	struct model_device *d = &m->devices[device];

	if (!d->is_registered || d->state != TB_REGISTRATION_AWAY)
		return;
	d->state = TB_REGISTRATION_ACTIVE;
	d->seen_us = m->now_us;
}

static uint64_t find_sent(const struct model *m,
			  const struct model_event *event)
{
	for (uint64_t id = m->floor + 1; id <= m->head; id++)
		if (event->client_id != 0 &&
		    m->events[id].client_id == event->client_id &&
		    m->events[id].device == event->device)
			return id;
	return 0;
}

uint64_t model_push(struct model *m, const struct model_event *event,
		    bool *ret_repeated)
{
	uint64_t id = find_sent(m, event);
	struct model_event *stored;

	*ret_repeated = id != 0;
	if (id != 0)
		return id;
	if (event->kind != TB_DEVICE_EVENT_UPDATE &&
	    !model_register(m, event->device))
		return 0;
	model_see(m, event->device);
	id = ++m->head;
	TB_ASSERT(id < MODEL_EVENTS);
	stored = &m->events[id];
	*stored = *event;
	for (unsigned d = 0; d < MODEL_DEVICES; d++)
		stored->waits[d] =
			d != event->device && m->devices[d].is_registered &&
			m->devices[d].state == TB_REGISTRATION_ACTIVE;
	stored->status = model_waiting(stored) > 0 ? TB_DEVICE_EVENT_PENDING
						   : TB_DEVICE_EVENT_SYNCED;
	return id;
}

uint64_t model_acknowledge(struct model *m, unsigned device,
			   const uint64_t *ids, size_t n, uint64_t head)
{
	struct model_device *d = &m->devices[device];
	uint64_t n_new = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t id = ids[i];

		if (id == 0 || id > head || m->events[id].is_gone ||
		    m->events[id].device == device || d->has[id])
			continue;
		d->has[id] = true;
		n_new++;
		wait_less(&m->events[id], device);
	}
	d->missed_from = m->floor;
	return n_new;
}

static void leave(struct model *m, unsigned device,
		  enum tb_registration_state state)
{
	m->devices[device].state = state;
	for (uint64_t id = 1; id <= m->head; id++)
		wait_less(&m->events[id], device);
}

void model_retire(struct model *m, unsigned device, bool retired)
{
	struct model_device *d = &m->devices[device];

	if (retired && d->state == TB_REGISTRATION_ACTIVE)
		leave(m, device, TB_REGISTRATION_RETIRED);
	else if (retired)
		d->state = TB_REGISTRATION_RETIRED;
	else if (d->state == TB_REGISTRATION_RETIRED) {
		d->state = TB_REGISTRATION_ACTIVE;
		d->seen_us = m->now_us;
	}
}

static void fail(struct model_event *event)
{
	event->status = TB_DEVICE_EVENT_FAILED;
	memset(event->waits, 0, sizeof(event->waits));
}

enum tb_err model_give_up(struct model *m, uint64_t id)
{
	if (id <= m->floor || id > m->head)
		return TB_ERR_NOT_FOUND;
	if (m->events[id].status != TB_DEVICE_EVENT_PENDING)
		return TB_ERR_CONFLICT;
	fail(&m->events[id]);
	return TB_OK;
}

static bool is_absent(const struct model *m, unsigned device,
		      const struct tb_device_ages *ages)
{
	const struct model_device *d = &m->devices[device];

	return d->is_registered && d->state == TB_REGISTRATION_ACTIVE &&
	       m->now_us - d->seen_us >=
		       ages->absent_us + TB_REGISTRATION_SEEN_STEP_US;
}

static bool is_overdue(const struct model *m, uint64_t id,
		       const struct tb_device_ages *ages)
{
	const struct model_event *event = &m->events[id];

	return event->status == TB_DEVICE_EVENT_PENDING &&
	       m->now_us - event->arrived_us >= ages->pending_us;
}

static bool is_old(const struct model *m, uint64_t id,
		   const struct tb_device_ages *ages)
{
	const struct model_event *event = &m->events[id];

	return id <= m->head && event->status != TB_DEVICE_EVENT_PENDING &&
	       m->now_us - event->arrived_us >= ages->keep_us;
}

bool model_is_due(const struct model *m, const struct tb_device_ages *ages)
{
	bool due = is_old(m, m->floor + 1, ages);

	for (unsigned d = 0; d < MODEL_DEVICES; d++)
		due |= is_absent(m, d, ages);
	for (uint64_t id = 1; id <= m->head; id++)
		due |= is_overdue(m, id, ages);
	return due;
}

void model_keep_up(struct model *m, const struct tb_device_ages *ages)
{
	for (unsigned d = 0; d < MODEL_DEVICES; d++)
		if (is_absent(m, d, ages))
			leave(m, d, TB_REGISTRATION_AWAY);
	for (uint64_t id = 1; id <= m->head; id++)
		if (is_overdue(m, id, ages))
			fail(&m->events[id]);
	while (is_old(m, m->floor + 1, ages))
		m->events[++m->floor].is_gone = true;
}

bool model_gets(const struct model *m, unsigned device, uint64_t id)
{
	const struct model_event *event = &m->events[id];

	return !event->is_gone && event->device != device &&
	       !m->devices[device].has[id];
}
