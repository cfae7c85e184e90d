/*
 * The simulation of jobs: its world, what is done in it (job_deeds.c), and what
 * is to be seen of it (job_check.c).
 */
#ifndef TB_TESTS_JOB_SIM_H
#define TB_TESTS_JOB_SIM_H

#include "base/arena.h"
#include "grouped.h"
#include "job_model.h"

#define WORKERS 4
#define ZOMBIES 8
#define SECOND_US ((int64_t)1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define LEASE_US (10 * MINUTE_US)
#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define TABLE TB_STR("things")

/* Ends the program, with its seed and step. */
_Noreturn void sim_broken(const char *expr, const char *file, int line);
#define REQUIRE(expr) ((expr) ? (void)0 : sim_broken(#expr, __FILE__, __LINE__))
#define MUST(call) REQUIRE((call) == TB_OK)

/* What a worker believes that it has. */
struct lease {
	uint64_t id; /* 0: nothing */
	uint64_t token;
};

struct world {
	uint64_t random;
	struct grouped *g;
	struct tb_core *core;
	uint32_t org;
	struct tb_arena *arena; /* of what is checked */
	uint64_t last_token;
	struct lease workers[WORKERS];
	struct lease zombies[ZOMBIES]; /* that were given up */
	struct model model;
};

unsigned sim_pick(struct world *w, unsigned n);
struct tb_str sim_name(unsigned name);
struct tb_str sim_entity(unsigned entity);
/* Of a job's stream. */
enum tb_err sim_cursor(struct tb_arena *arena, uint64_t id, uint64_t position,
		       struct tb_str *ret);

/* ---- what is done ---- */

struct op;

struct op_kind {
	unsigned weight;
	/* False: there is nothing of the kind to do. */
	bool (*make)(struct world *w, struct op *op);
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
	unsigned worker;
	unsigned name;
	uint64_t id;
	struct lease lease;
	struct model_order order;
	unsigned entity;
	unsigned from;
	uint64_t value;
	bool has_line;
	bool all;
	enum tb_job_end_kind end;
	int64_t due_us;
	bool keeps_cursor;
	uint64_t next_token; /* an end takes the next job under it; 0: none */
	bool is_expected;    /* to commit */

	/* The result. */
	enum tb_err err;
	enum tb_job_queued queued;
	struct tb_job job;
	size_t n;
	bool is_lease_lost;
	struct tb_job_purged purged;
	bool has_committed;
	bool is_lost; /* the answer */
};

extern const struct tb_job_ages sim_ages;

/* By the weights of their kinds. */
#define SIM_KINDS 13
extern const struct op_kind sim_kinds[SIM_KINDS];
/* Those that a simulation asks for itself, without `make`. */
extern const struct op_kind sim_take;
extern const struct op_kind sim_resume;
extern const struct op_kind sim_checkpoint;
extern const struct op_kind sim_end;

/* A worker gives up what it has, and may try to go on later. */
void sim_give_up(struct world *w, unsigned worker);

/* ---- what is seen ---- */

/* Sums and names; `all`: everything else, too, else some job. */
void sim_check(struct world *w, bool all);

#endif
