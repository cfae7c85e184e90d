#include "kernel/names.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/assert.h"

#define BUCKETS 16384u

struct name {
	struct name *next_by_name;
	struct name *next_by_rid;
	uint32_t org;
	uint64_t coll;
	uint64_t rid;
	size_t n;
	char text[];
};

struct tb_names {
	pthread_rwlock_t lock;
	size_t count;
	struct name *by_name[BUCKETS];
	struct name *by_rid[BUCKETS];
};

struct tb_names *tb_names_create(void)
{
	struct tb_names *names = tb_calloc(1, sizeof(*names));

	if (names != NULL)
		TB_ASSERT(pthread_rwlock_init(&names->lock, NULL) == 0);
	return names;
}

void tb_names_destroy(struct tb_names *names)
{
	if (names == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (names->by_name[i] != NULL) {
			struct name *name = names->by_name[i];

			names->by_name[i] = name->next_by_name;
			tb_free(name);
		}
	}
	pthread_rwlock_destroy(&names->lock);
	tb_free(names);
}

static size_t name_bucket(uint32_t org, uint64_t coll, struct tb_str name)
{
	return (tb_str_hash(name) ^ (org * 0x9e3779b1u) ^ coll) % BUCKETS;
}

static size_t rid_bucket(uint64_t rid)
{
	return (rid * 0x9e3779b97f4a7c15ull >> 32) % BUCKETS;
}

static const struct name *find(const struct tb_names *names, uint32_t org,
			       uint64_t coll, struct tb_str text)
{
	const struct name *name = names->by_name[name_bucket(org, coll, text)];

	while (name != NULL && !(name->org == org && name->coll == coll &&
				 tb_str_eq(tb_str(name->text, name->n), text)))
		name = name->next_by_name;
	return name;
}

bool tb_names_find(struct tb_names *names, uint32_t org, uint64_t coll,
		   struct tb_str text, uint64_t *ret_rid)
{
	const struct name *name;

	pthread_rwlock_rdlock(&names->lock);
	name = find(names, org, coll, text);
	if (name != NULL)
		*ret_rid = name->rid;
	pthread_rwlock_unlock(&names->lock);
	return name != NULL;
}

bool tb_names_find_rid(struct tb_names *names, uint64_t rid, struct tb_str *ret)
{
	const struct name *name;

	pthread_rwlock_rdlock(&names->lock);
	name = names->by_rid[rid_bucket(rid)];
	while (name != NULL && name->rid != rid)
		name = name->next_by_rid;
	if (name != NULL)
		*ret = tb_str(name->text, name->n);
	pthread_rwlock_unlock(&names->lock);
	return name != NULL;
}

static void insert(struct tb_names *names, struct name *name)
{
	struct tb_str text = tb_str(name->text, name->n);
	size_t by_name = name_bucket(name->org, name->coll, text);
	size_t by_rid = rid_bucket(name->rid);

	name->next_by_name = names->by_name[by_name];
	names->by_name[by_name] = name;
	name->next_by_rid = names->by_rid[by_rid];
	names->by_rid[by_rid] = name;
	names->count++;
}

void tb_names_add(struct tb_names *names, uint32_t org, uint64_t coll,
		  struct tb_str text, uint64_t rid)
{
	struct name *name = tb_malloc(sizeof(*name) + text.n);

	if (name == NULL)
		return;
	*name = (struct name) {
		.org = org, .coll = coll, .rid = rid, .n = text.n
	};
	if (text.n > 0)
		memcpy(name->text, text.p, text.n);
	pthread_rwlock_wrlock(&names->lock);
	if (names->count < TB_NAMES_MAX &&
	    find(names, org, coll, text) == NULL) {
		insert(names, name);
		name = NULL;
	}
	pthread_rwlock_unlock(&names->lock);
	tb_free(name);
}
