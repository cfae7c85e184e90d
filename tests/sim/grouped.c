#include "grouped.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"
#include "kernel/directory.h"
#include "store/fail/fail.h"
#include "store/stores.h"

#define MUST(call) TB_ASSERT((call) == TB_OK)

/* A call that is under way. */
struct running {
	struct grouped *g;
	struct grouped_call *call;
	bool is_held;
	bool has_returned;
};

struct grouped {
	struct tb_store *store;
	struct tb_core *core;
	int64_t now_us;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct running *starting; /* the call whose commit is awaited */
	struct tb_commit *held[GROUPED_MAX];
	size_t n_held;
	bool is_released;
};

static void publish(void *ctx, const struct tb_org *org,
		    const struct tb_moves *moves)
{
	struct grouped *g = ctx;

	MUST(tb_core_publish_group(g->core, org, moves));
}

static void run_group(struct grouped *g, struct tb_commit **commits, size_t n)
{
	enum tb_err err =
		tb_group_run(g->store, commits, n, g->now_us, publish, g);

	(void)err; /* each commit has it, too */
}

static void submit(void *ctx, struct tb_commit *commit)
{
	struct grouped *g = ctx;

	pthread_mutex_lock(&g->lock);
	if (g->starting == NULL) {
		run_group(g, &commit, 1);
		pthread_mutex_unlock(&g->lock);
		return;
	}
	g->held[g->n_held++] = commit;
	g->starting->is_held = true;
	pthread_cond_broadcast(&g->changed);
	while (!g->is_released)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static int64_t now_us(void *ctx)
{
	const struct grouped *g = ctx;

	return g->now_us;
}

static void *run_call(void *arg)
{
	struct running *running = arg;
	struct grouped *g = running->g;

	running->call->run(running->call->arg);
	pthread_mutex_lock(&g->lock);
	running->has_returned = true;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

static void start(struct grouped *g, struct running *running, pthread_t *ret)
{
	pthread_mutex_lock(&g->lock);
	g->starting = running;
	TB_ASSERT(pthread_create(ret, NULL, run_call, running) == 0);
	while (!running->is_held && !running->has_returned)
		pthread_cond_wait(&g->changed, &g->lock);
	running->call->has_committed = running->is_held;
	pthread_mutex_unlock(&g->lock);
}

void grouped_run(struct grouped *g, struct grouped_call *calls, size_t n)
{
	struct running running[GROUPED_MAX];
	pthread_t threads[GROUPED_MAX];

	TB_ASSERT(n <= GROUPED_MAX);
	g->n_held = 0;
	g->is_released = false;
	for (size_t i = 0; i < n; i++) {
		running[i] = (struct running) { .g = g, .call = &calls[i] };
		start(g, &running[i], &threads[i]);
	}
	pthread_mutex_lock(&g->lock);
	if (g->n_held > 0)
		run_group(g, g->held, g->n_held);
	g->starting = NULL;
	g->is_released = true;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
	for (size_t i = 0; i < n; i++)
		TB_ASSERT(pthread_join(threads[i], NULL) == 0);
}

struct grouped *grouped_create(uint32_t *ret_org)
{
	static const struct tb_declaration nothing;
	const struct tb_store_options at = { .path = "memory",
					     .create = true,
					     .readers_max = 64 };
	const struct tb_audit_note note = { .event_type = "admin",
					    .operation = "test",
					    .status = "ok",
					    .principal = TB_STR("cli") };
	struct grouped *g = tb_calloc(1, sizeof(*g));
	struct tb_store *store;

	TB_ASSERT(g != NULL);
	MUST(tb_digest_init());
	MUST(tb_store_memory.open(&at, &store));
	MUST(tb_fail_create(store, &g->store));
	TB_ASSERT(pthread_mutex_init(&g->lock, NULL) == 0);
	TB_ASSERT(pthread_cond_init(&g->changed, NULL) == 0);
	MUST(tb_core_create(
		&(struct tb_core_options) {
			.store = g->store,
			.committer = { submit, g },
			.now_us = now_us,
			.now_ctx = g,
			.declaration = &nothing,
		},
		&g->core));
	MUST(tb_directory_init(g->core, 1));
	MUST(tb_directory_add_org(g->core, &note, TB_STR("shop"),
				  TB_STR("A shop"), 77, ret_org));
	return g;
}

void grouped_destroy(struct grouped *g)
{
	tb_core_destroy(g->core);
	g->store->ops->close(g->store);
	pthread_cond_destroy(&g->changed);
	pthread_mutex_destroy(&g->lock);
	tb_free(g);
}

struct tb_core *grouped_core(struct grouped *g)
{
	return g->core;
}

struct tb_store *grouped_store(struct grouped *g)
{
	return g->store;
}

void grouped_set_now(struct grouped *g, int64_t now)
{
	g->now_us = now;
}
