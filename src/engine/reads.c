#include "engine/reads.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"
#include "codec/json.h"
#include "kernel/audit_tell.h"

/* Different (org, principal, operation, status) between two flushes; more are
 * counted together under no name. */
#define SUMS_MAX 20000
#define BUCKETS 4096
/* Sums in one row of the audit chain. */
#define ROW_SUMS 200
#define ROW_MAX (48u << 10)

struct sum {
	struct sum *next_in_bucket;
	struct sum *next; /* in the order of their first request */
	uint32_t org;
	unsigned status;
	uint64_t count;
	struct tb_str principal;
	struct tb_str operation;
	char text[]; /* of both */
};

struct tb_reads {
	pthread_mutex_t lock; /* of what follows */
	struct sum *buckets[BUCKETS];
	struct sum *first;
	struct sum **last;
	size_t n;
};

struct tb_reads *tb_reads_create(void)
{
	struct tb_reads *reads = tb_calloc(1, sizeof(*reads));

	if (reads == NULL)
		return NULL;
	TB_ASSERT(pthread_mutex_init(&reads->lock, NULL) == 0);
	reads->last = &reads->first;
	return reads;
}

static void free_sums(struct sum *sum)
{
	while (sum != NULL) {
		struct sum *next = sum->next;

		tb_free(sum);
		sum = next;
	}
}

void tb_reads_destroy(struct tb_reads *reads)
{
	if (reads == NULL)
		return;
	free_sums(reads->first);
	pthread_mutex_destroy(&reads->lock);
	tb_free(reads);
}

static size_t bucket_of(const struct sum *like)
{
	return (tb_str_hash(like->principal) * 31 +
		tb_str_hash(like->operation) + like->org * 7 + like->status) %
	       BUCKETS;
}

static struct sum *find(const struct tb_reads *reads, const struct sum *like)
{
	struct sum *sum = reads->buckets[bucket_of(like)];

	while (sum != NULL &&
	       !(sum->org == like->org && sum->status == like->status &&
		 tb_str_eq(sum->principal, like->principal) &&
		 tb_str_eq(sum->operation, like->operation)))
		sum = sum->next_in_bucket;
	return sum;
}

static struct sum *insert(struct tb_reads *reads, const struct sum *like)
{
	size_t n = like->principal.n + like->operation.n;
	struct sum *sum = tb_malloc(sizeof(*sum) + n);
	struct sum **bucket = &reads->buckets[bucket_of(like)];

	if (sum == NULL)
		return NULL;
	*sum = *like;
	if (like->principal.n > 0)
		memcpy(sum->text, like->principal.p, like->principal.n);
	if (like->operation.n > 0)
		memcpy(sum->text + like->principal.n, like->operation.p,
		       like->operation.n);
	sum->principal.p = sum->text;
	sum->operation.p = sum->text + like->principal.n;
	sum->count = 0;
	sum->next = NULL;
	*reads->last = sum;
	reads->last = &sum->next;
	sum->next_in_bucket = *bucket;
	*bucket = sum;
	reads->n++;
	return sum;
}

/* The sum of what is alike; past the ceiling the one of its org and status
 * that has no name. NULL: no memory. */
static struct sum *sum_for(struct tb_reads *reads, const struct sum *like)
{
	struct sum others = { .org = like->org,
			      .status = like->status,
			      .principal = TB_STR("(others)") };
	struct sum *sum = find(reads, like);

	if (sum != NULL)
		return sum;
	if (reads->n < SUMS_MAX)
		return insert(reads, like);
	sum = find(reads, &others);
	return sum != NULL ? sum : insert(reads, &others);
}

void tb_reads_add(struct tb_reads *reads, uint32_t org, struct tb_str principal,
		  struct tb_str operation, unsigned status)
{
	struct sum like = { .org = org,
			    .status = status,
			    .principal = principal,
			    .operation = operation };
	struct sum *sum;

	pthread_mutex_lock(&reads->lock);
	sum = sum_for(reads, &like);
	if (sum != NULL)
		sum->count++;
	pthread_mutex_unlock(&reads->lock);
}

/* Moves the next sums of one org to `buf`; returns the first that is left. */
static struct sum *put_sums(struct sum *sum, struct tb_buf *buf,
			    uint32_t *ret_org)
{
	struct tb_json_writer w = tb_json_writer(buf);

	*ret_org = sum->org;
	tb_json_key(&w, TB_STR("sums"));
	w.comma = false;
	tb_json_begin_array(&w);
	for (size_t n = 0; sum != NULL && sum->org == *ret_org &&
			   n < ROW_SUMS && buf->n < ROW_MAX / 2;
	     n++, sum = sum->next) {
		tb_json_begin_object(&w);
		tb_json_kv_str(&w, "principal", sum->principal);
		tb_json_kv_str(&w, "operation", sum->operation);
		tb_json_kv_uint(&w, "status", sum->status);
		tb_json_kv_uint(&w, "count", sum->count);
		tb_json_end_object(&w);
	}
	tb_json_end_array(&w);
	return sum;
}

static enum tb_err write_row(struct tb_core *core, uint32_t org,
			     struct tb_str detail, const uint8_t salt[16])
{
	struct tb_audit_note note = {
		.event_type = "access",
		.operation = "sum",
		.status = "ok",
		.principal = TB_STR("server"),
		.detail = detail,
	};

	memcpy(note.salt, salt, sizeof(note.salt));
	return tb_audit_tell(core, &note, org);
}

static struct sum *take_all(struct tb_reads *reads)
{
	struct sum *sums;

	pthread_mutex_lock(&reads->lock);
	sums = reads->first;
	memset(reads->buckets, 0, sizeof(reads->buckets));
	reads->first = NULL;
	reads->last = &reads->first;
	reads->n = 0;
	pthread_mutex_unlock(&reads->lock);
	return sums;
}

/* Adds sums that could not be written to those of the next time. */
static void put_back(struct tb_reads *reads, const struct sum *sums)
{
	pthread_mutex_lock(&reads->lock);
	for (; sums != NULL; sums = sums->next) {
		struct sum *sum = sum_for(reads, sums);

		if (sum != NULL)
			sum->count += sums->count;
	}
	pthread_mutex_unlock(&reads->lock);
}

enum tb_err tb_reads_flush(struct tb_reads *reads, struct tb_core *core,
			   const uint8_t salt[16])
{
	struct sum *sums = take_all(reads);
	struct sum *left = sums;
	struct tb_buf buf;
	enum tb_err err = TB_OK;

	tb_buf_init(&buf, ROW_MAX);
	while (err == TB_OK && left != NULL) {
		struct sum *from = left;
		uint32_t org;

		tb_buf_reset(&buf);
		left = put_sums(from, &buf, &org);
		err = tb_buf_err(&buf);
		if (err == TB_OK)
			err = write_row(core, org, tb_buf_str(&buf), salt);
		if (err != TB_OK)
			left = from;
	}
	tb_buf_fini(&buf);
	if (left != NULL)
		put_back(reads, left);
	free_sums(sums);
	return err;
}
