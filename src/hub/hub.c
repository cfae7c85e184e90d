#include "hub/hub.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "hub/inner.h"

#define LOOPS_MAX 64
/* Of one posted payload; the shortest packet and its separator are two bytes.
 */
#define PACKETS_MAX 65536
#define NSP_MAX_BYTES 128
#define ATTACHMENTS_MAX 64
#define DEPTH_MAX 64
#define NODES_MAX (4u << 20)
#define ACKS_MAX 1024
/* The ceiling of one emission; the outbox goes beyond its bounds for one, so
 * that a large one can be sent at all, and for answers. */
#define EMISSION_MAX_BYTES ((size_t)64 << 20)
#define ANSWERS_MAX 1024
/* A packet's text, its tape, and the keys of its largest object, all of which
 * double as they grow: an object of short keys takes some 20 times its text. A
 * ceiling, of which one loop uses one at a time. */
#define MEMORY_PER_BYTE 48

const struct tb_hub_options tb_hub_default_options = {
	.loops = 2,
	.ping_interval_ms = 25000,
	.ping_timeout_ms = 20000,
	.upgrade_timeout_ms = 10000,
	.connect_timeout_ms = 10000,
	.close_timeout_ms = 5000,
	.max_payload_bytes = 1000000,
	.outbox_max_bytes = 1 << 20,
	.outbox_max_messages = 4096,
	.clients_max = 20000,
	.events_per_s = 200,
	.nsps_max = 4,
	.inbound_max_bytes = 256 << 20,
};

/* What clients say is any JSON, \u0000 included. */
static const struct tb_json_limits any_json = {
	.max_depth = DEPTH_MAX,
	.max_nodes = NODES_MAX,
	.tape_depth = UINT32_MAX,
	.allow_nul = true,
};

static void set_protocols(struct tb_hub *hub)
{
	const struct tb_hub_options *options = &hub->options;

	hub->eio = (struct tb_eio_options) {
		.ping_interval_ms = options->ping_interval_ms,
		.ping_timeout_ms = options->ping_timeout_ms,
		.upgrade_timeout_ms = options->upgrade_timeout_ms,
		.close_timeout_ms = options->close_timeout_ms,
		.payload = { .max_bytes = options->max_payload_bytes,
			     .max_packets = PACKETS_MAX },
		.outbox_max_bytes =
			options->outbox_max_bytes + EMISSION_MAX_BYTES,
		.outbox_max_packets =
			options->outbox_max_messages + ANSWERS_MAX,
	};
	hub->sio = (struct tb_sio_options) {
		.limits = { .nsp_max_bytes = NSP_MAX_BYTES,
			    .attachments_max = ATTACHMENTS_MAX,
			    .attachments_max_bytes = options->max_payload_bytes,
			    .json = &any_json },
		.memory_max_bytes =
			(size_t)options->max_payload_bytes * MEMORY_PER_BYTE,
		.nsps_max = options->nsps_max,
		.awaited_max = ACKS_MAX,
		.owed_max = ACKS_MAX,
		.connect_timeout_ms = options->connect_timeout_ms,
	};
}

static enum tb_err start(struct tb_hub *hub)
{
	size_t n = hub->options.loops;
	enum tb_err err = tb_sids_init(&hub->sids, hub->options.clients_max);

	if (err != TB_OK)
		return err;
	hub->loops = tb_calloc(n, sizeof(*hub->loops));
	if (hub->loops == NULL)
		return TB_ERR_NOMEM;
	while (hub->n_loops < n && err == TB_OK)
		err = tb_loop_start(&hub->loops[hub->n_loops++], hub);
	return err;
}

enum tb_err tb_hub_create(const struct tb_hub_options *options,
			  const struct tb_hub_app *app, struct tb_hub **ret)
{
	struct tb_hub *hub = tb_calloc(1, sizeof(*hub));
	enum tb_err err;

	if (hub == NULL)
		return TB_ERR_NOMEM;
	TB_ASSERT(options->loops > 0 && options->loops <= LOOPS_MAX);
	hub->options = *options;
	hub->app = *app;
	set_protocols(hub);
	tb_budget_init(&hub->inbound, options->inbound_max_bytes);
	pthread_mutex_init(&hub->lock, NULL);
	pthread_cond_init(&hub->changed, NULL);
	err = start(hub);
	if (err != TB_OK)
		tb_hub_destroy(hub);
	else
		*ret = hub;
	return err;
}

void tb_hub_stop(struct tb_hub *hub)
{
	if (atomic_exchange(&hub->is_stopping, true))
		return;
	for (size_t i = 0; i < hub->n_loops; i++)
		tb_loop_stop(&hub->loops[i]);
	pthread_mutex_lock(&hub->lock);
	while (hub->n_stopped < hub->n_loops)
		pthread_cond_wait(&hub->changed, &hub->lock);
	pthread_mutex_unlock(&hub->lock);
}

void tb_hub_loop_stopped(struct tb_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	hub->n_stopped++;
	pthread_cond_signal(&hub->changed);
	pthread_mutex_unlock(&hub->lock);
}

void tb_hub_destroy(struct tb_hub *hub)
{
	if (hub == NULL)
		return;
	for (size_t i = 0; i < hub->n_loops; i++)
		tb_loop_end(&hub->loops[i]);
	tb_free(hub->loops);
	tb_sids_fini(&hub->sids);
	pthread_cond_destroy(&hub->changed);
	pthread_mutex_destroy(&hub->lock);
	tb_free(hub);
}

size_t tb_hub_clients(const struct tb_hub *hub)
{
	return atomic_load(&hub->n_clients);
}

bool tb_hub_admit(struct tb_hub *hub)
{
	if (atomic_fetch_add(&hub->n_clients, 1) < hub->options.clients_max)
		return true;
	tb_hub_dismiss(hub);
	return false;
}

void tb_hub_dismiss(struct tb_hub *hub)
{
	atomic_fetch_sub(&hub->n_clients, 1);
}

struct tb_loop *tb_hub_loop(struct tb_hub *hub)
{
	return &hub->loops[atomic_fetch_add(&hub->next_loop, 1) % hub->n_loops];
}
