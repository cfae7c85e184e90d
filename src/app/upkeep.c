#include "app/upkeep.h"

#include <pthread.h>
#include <sys/random.h>

#include "app/seal.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/cond.h"
#include "engine/reads.h"
#include "kernel/audit_keep.h"
#include "kernel/family.h"
#include "kernel/requests.h"

#define INTERVAL_US 60000000
#define ORGS_MAX 100000
/* Runs of the retention for one org in one round; the rest is for the next. */
#define RETENTION_RUNS_MAX 10
#define ROUNDS_BETWEEN_PASSES 10
#define SALT_BYTES 16
/* The same for the audit trail, where rows come with each write. */
#define AUDIT_RUNS_MAX 100

/* How far it has come with one org. */
struct org_state {
	uint32_t id;
	uint64_t tombstones_after; /* 0: no pass is under way */
	uint64_t families_after;   /* likewise */
	bool has_old_audit;        /* rows that are to be dropped yet */
	uint64_t audit_n;          /* row whose seal was logged */
};

struct tb_upkeep {
	struct tb_upkeep_options options;
	struct tb_reads *reads;
	pthread_t thread;
	pthread_mutex_t lock; /* over `stop` */
	pthread_cond_t changed;
	bool stop;
	uint64_t round;
	struct org_state system; /* of its audit trail */
	struct org_state *orgs;  /* the thread's, in the order of ids */
	size_t n_orgs;
};

static void log_failure(struct tb_upkeep *upkeep, const char *what,
			enum tb_err err)
{
	tb_log_text(upkeep->options.log, TB_LOG_ERROR, what, "error",
		    tb_str_z(tb_err_text(err)));
}

static enum tb_err make_salt(uint8_t ret[SALT_BYTES])
{
	return getrandom(ret, SALT_BYTES, 0) == SALT_BYTES ? TB_OK : TB_ERR_IO;
}

static void write_reads(struct tb_upkeep *upkeep)
{
	uint8_t salt[SALT_BYTES];
	enum tb_err err = make_salt(salt);

	if (!err)
		err = tb_reads_flush(upkeep->reads,
				     tb_engine_core(upkeep->options.engine),
				     salt);
	if (err)
		log_failure(upkeep, "the audit of reads was not written", err);
}

/* Goes on with a pass over an org's tombstones, or begins one when it is time
 * for it. */
static void drop_tombstones(struct tb_upkeep *upkeep, struct org_state *org)
{
	struct tb_core *core = tb_engine_core(upkeep->options.engine);
	size_t dropped;
	enum tb_err err;

	if (org->tombstones_after == 0 &&
	    upkeep->round % ROUNDS_BETWEEN_PASSES != 0)
		return;
	for (int i = 0; i < RETENTION_RUNS_MAX; i++) {
		err = tb_retention_run(core, org->id, &upkeep->options.ages,
				       &org->tombstones_after, &dropped);
		if (err)
			log_failure(upkeep, "tombstones were not dropped", err);
		if (err || org->tombstones_after == 0)
			return;
	}
}

/* The same for families of tokens that have all expired. */
static void drop_families(struct tb_upkeep *upkeep, struct org_state *org)
{
	struct tb_core *core = tb_engine_core(upkeep->options.engine);
	size_t dropped;
	enum tb_err err;

	if (org->families_after == 0 &&
	    upkeep->round % ROUNDS_BETWEEN_PASSES != 0)
		return;
	for (int i = 0; i < RETENTION_RUNS_MAX; i++) {
		err = tb_family_drop_expired(core, org->id,
					     tb_core_now_us(core),
					     &org->families_after, &dropped);
		if (err)
			log_failure(upkeep,
				    "families of tokens were not "
				    "dropped",
				    err);
		if (err || org->families_after == 0)
			return;
	}
}

/* The same for requests with an Idempotency-Key of more than a day ago. */
static void drop_requests(struct tb_upkeep *upkeep, uint32_t org)
{
	struct tb_core *core = tb_engine_core(upkeep->options.engine);
	size_t dropped = TB_REQUESTS_DROP_MAX;
	enum tb_err err = TB_OK;

	for (int i = 0;
	     !err && i < RETENTION_RUNS_MAX && dropped == TB_REQUESTS_DROP_MAX;
	     i++)
		err = tb_requests_drop_expired(core, org, &dropped);
	if (err)
		log_failure(upkeep, "named requests were not dropped", err);
}

/* The same for old rows of the audit trail. */
static void drop_audit(struct tb_upkeep *upkeep, struct org_state *org)
{
	struct tb_core *core = tb_engine_core(upkeep->options.engine);
	struct tb_audit_note note = { .principal = TB_STR("server") };
	uint64_t dropped = TB_AUDIT_DROP_MAX;
	enum tb_err err = TB_OK;

	if (upkeep->options.audit_keep_us == 0 ||
	    (!org->has_old_audit && upkeep->round % ROUNDS_BETWEEN_PASSES != 0))
		return;
	for (int i = 0;
	     !err && i < AUDIT_RUNS_MAX && dropped == TB_AUDIT_DROP_MAX; i++) {
		err = make_salt(note.salt);
		if (!err)
			err = tb_audit_drop(
				core, &note, org->id,
				tb_core_now_us(core) -
					upkeep->options.audit_keep_us,
				&dropped);
	}
	if (err)
		log_failure(upkeep, "rows of the audit trail were not dropped",
			    err);
	org->has_old_audit = !err && dropped == TB_AUDIT_DROP_MAX;
}

/* Once an org's chain has grown, its new head is sealed. */
static void seal_audit(struct tb_upkeep *upkeep, struct org_state *state,
		       const struct tb_org *org)
{
	if (org->audit_n > state->audit_n)
		tb_seal_log(upkeep->options.log, upkeep->options.keys, org);
	state->audit_n = org->audit_n;
}

/* The state kept for an org; the orgs come in the order of their ids. NULL:
 * no memory, or too many. */
static struct org_state *state_of(struct tb_upkeep *upkeep, size_t i,
				  uint32_t id)
{
	struct org_state *orgs;

	if (i < upkeep->n_orgs) {
		TB_ASSERT(upkeep->orgs[i].id == id);
		return &upkeep->orgs[i];
	}
	if (i == ORGS_MAX)
		return NULL;
	orgs = tb_realloc(upkeep->orgs, (i + 1) * sizeof(*orgs));
	if (!orgs)
		return NULL;
	upkeep->orgs = orgs;
	upkeep->n_orgs = i + 1;
	orgs[i] = (struct org_state) { .id = id };
	return &orgs[i];
}

/* Reads the org behind `org`. */
static enum tb_err next_org(struct tb_upkeep *upkeep, struct tb_org *org)
{
	struct tb_tx *tx;
	enum tb_err err =
		tb_core_read(tb_engine_core(upkeep->options.engine), &tx);

	if (err)
		return err;
	err = tx->store->ops->org_next(tx, org->id, org);
	tb_core_read_end(tx);
	return err;
}

static void keep_audit(struct tb_upkeep *upkeep, struct org_state *state,
		       const struct tb_org *org, bool is_last)
{
	if (!is_last)
		drop_audit(upkeep, state);
	seal_audit(upkeep, state, org);
}

/* The system's own org has an audit trail, and nothing else that ages. */
static void keep_system_audit(struct tb_upkeep *upkeep, bool is_last)
{
	struct tb_org org;
	struct tb_tx *tx;
	enum tb_err err =
		tb_core_read(tb_engine_core(upkeep->options.engine), &tx);

	if (!err) {
		err = tx->store->ops->org_get(tx, TB_ORG_SYSTEM, &org);
		tb_core_read_end(tx);
	}
	if (err)
		log_failure(upkeep, "the system's org was not read", err);
	else
		keep_audit(upkeep, &upkeep->system, &org, is_last);
}

/* The last round leaves what can wait for the next start. */
static void do_round(struct tb_upkeep *upkeep, bool is_last)
{
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	struct org_state *state;
	enum tb_err err;
	size_t i = 0;

	if (!tb_engine_is_writable(upkeep->options.engine)) {
		log_failure(upkeep, "writing has ended; only a restart helps",
			    TB_ERR_IO);
		return;
	}
	tb_wiring_upkeep(upkeep->options.wiring);
	write_reads(upkeep);
	keep_system_audit(upkeep, is_last);
	while (!(err = next_org(upkeep, &org))) {
		state = state_of(upkeep, i++, org.id);
		if (!state)
			return;
		if (!is_last) {
			drop_tombstones(upkeep, state);
			drop_families(upkeep, state);
			drop_requests(upkeep, org.id);
		}
		keep_audit(upkeep, state, &org, is_last);
	}
	if (err != TB_ERR_NOT_FOUND)
		log_failure(upkeep, "the orgs were not read", err);
	upkeep->round++;
}

/* Waits for the next round; false: there is none. */
static bool wait_round(struct tb_upkeep *upkeep)
{
	int64_t until_us = tb_clock_monotonic_us() + INTERVAL_US;
	bool is_over = false;
	bool go_on;

	pthread_mutex_lock(&upkeep->lock);
	while (!upkeep->stop && !is_over)
		is_over = !tb_cond_wait_until(&upkeep->changed, &upkeep->lock,
					      until_us);
	go_on = !upkeep->stop;
	pthread_mutex_unlock(&upkeep->lock);
	return go_on;
}

static void *run(void *arg)
{
	struct tb_upkeep *upkeep = arg;

	while (wait_round(upkeep))
		do_round(upkeep, false);
	do_round(upkeep, true);
	return NULL;
}

static void destroy(struct tb_upkeep *upkeep)
{
	tb_reads_destroy(upkeep->reads);
	pthread_cond_destroy(&upkeep->changed);
	pthread_mutex_destroy(&upkeep->lock);
	tb_free(upkeep->orgs);
	tb_free(upkeep);
}

enum tb_err tb_upkeep_start(const struct tb_upkeep_options *options,
			    struct tb_upkeep **ret)
{
	struct tb_upkeep *upkeep = tb_calloc(1, sizeof(*upkeep));

	if (!upkeep)
		return TB_ERR_NOMEM;
	upkeep->options = *options;
	pthread_mutex_init(&upkeep->lock, NULL);
	pthread_cond_init(&upkeep->changed, NULL);
	upkeep->reads = tb_reads_create();
	if (!upkeep->reads ||
	    pthread_create(&upkeep->thread, NULL, run, upkeep)) {
		destroy(upkeep);
		return TB_ERR_NOMEM;
	}
	*ret = upkeep;
	return TB_OK;
}

void tb_upkeep_stop(struct tb_upkeep *upkeep)
{
	if (!upkeep)
		return;
	pthread_mutex_lock(&upkeep->lock);
	upkeep->stop = true;
	pthread_cond_signal(&upkeep->changed);
	pthread_mutex_unlock(&upkeep->lock);
	pthread_join(upkeep->thread, NULL);
	destroy(upkeep);
}

void tb_upkeep_add(struct tb_upkeep *upkeep, uint32_t org,
		   struct tb_str principal, struct tb_str operation,
		   unsigned status)
{
	if (upkeep)
		tb_reads_add(upkeep->reads, org, principal, operation, status);
}

void tb_upkeep_count(struct tb_upkeep *upkeep, const struct tb_access *access)
{
	const struct tb_principal *principal =
		access->req ? access->req->principal : NULL;
	struct tb_buf name;

	if (access->is_audited)
		return;
	if (access->login)
		principal = access->login;
	tb_buf_init(&name, TB_LOG_LINE_MAX);
	if (principal)
		tb_log_put_principal(&name, principal);
	tb_reads_add(upkeep->reads, principal ? principal->org : TB_ORG_SYSTEM,
		     tb_buf_str(&name), access->route, access->status);
	tb_buf_fini(&name);
}
