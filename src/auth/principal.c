#include "auth/principal.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "kernel/directory.h"

/* One allocation: the count, the principal, its lists, then their bytes. */
struct counted {
	atomic_uint refs;
	size_t bytes;
	struct tb_principal principal;
	struct tb_str lists[];
};

static const enum tb_principal_kind kinds[] = {
	[TB_ACCOUNT_SITE] = TB_PRINCIPAL_SITE,
	[TB_ACCOUNT_USER] = TB_PRINCIPAL_USER,
	[TB_ACCOUNT_DEVICE] = TB_PRINCIPAL_DEVICE,
};

static struct counted *counted_of(const struct tb_principal *p)
{
	return (struct counted *)((char *)(uintptr_t)p -
				  offsetof(struct counted, principal));
}

static size_t list_bytes(const struct tb_str *list, size_t n)
{
	size_t sum = n * sizeof(*list);

	for (size_t i = 0; i < n; i++)
		sum += list[i].n;
	return sum;
}

/* Copies a slice behind the last one. */
static struct tb_str pack(char **at, struct tb_str s)
{
	struct tb_str copy = tb_str(*at, s.n);

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

static const struct tb_str *pack_list(struct tb_str *into, char **at,
				      const struct tb_str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		into[i] = pack(at, list[i]);
	return into;
}

const struct tb_principal *tb_principal_create(const struct tb_account *account,
					       const struct tb_org *org)
{
	return tb_principal_create_issued(account, org, 0);
}

const struct tb_principal *
tb_principal_create_issued(const struct tb_account *account,
			   const struct tb_org *org, int64_t issued_s)
{
	struct tb_str org_name = tb_str_z(org->name);
	size_t bytes = sizeof(struct counted) + account->key.n +
		       account->username.n + account->hardware.n +
		       account->profile.n + org_name.n +
		       list_bytes(account->stores, account->n_stores) +
		       list_bytes(account->roles, account->n_roles);
	struct counted *counted = tb_malloc(bytes);
	struct tb_principal *p;
	char *at;

	if (counted == NULL)
		return NULL;
	atomic_init(&counted->refs, 1);
	counted->bytes = bytes;
	at = (char *)&counted->lists[account->n_stores + account->n_roles];
	p = &counted->principal;
	*p = (struct tb_principal) {
		.kind = kinds[account->kind],
		.org = account->org,
		.org_name = pack(&at, org_name),
		.rid = account->rid,
		.credential = account->credential,
		.generation = org->generation,
		.key = pack(&at, account->key),
		.name = pack(&at, account->username),
		.hardware = pack(&at, account->hardware),
		.profile = pack(&at, account->profile),
		.site_id = account->site_id,
		.is_admin = account->is_admin,
		.sight_num = account->sight_num,
		.sight_us = account->sight_us,
		.may_edit_central = account->may_edit_central,
		.n_stores = account->n_stores,
		.n_roles = account->n_roles,
		.issued_s = issued_s,
	};
	p->stores = pack_list(counted->lists, &at, account->stores,
			      account->n_stores);
	p->roles = pack_list(counted->lists + account->n_stores, &at,
			     account->roles, account->n_roles);
	TB_ASSERT(at == (char *)counted + bytes);
	return p;
}

const struct tb_principal *tb_principal_ref(const struct tb_principal *p)
{
	atomic_fetch_add_explicit(&counted_of(p)->refs, 1,
				  memory_order_relaxed);
	return p;
}

void tb_principal_unref(const struct tb_principal *p)
{
	if (p == NULL)
		return;
	if (atomic_fetch_sub_explicit(&counted_of(p)->refs, 1,
				      memory_order_acq_rel) == 1)
		tb_free(counted_of(p));
}

const char *tb_principal_kind_name(enum tb_principal_kind kind)
{
	static const char *const names[] = {
		[TB_PRINCIPAL_USER] = "user",
		[TB_PRINCIPAL_SITE] = "site",
		[TB_PRINCIPAL_DEVICE] = "device",
	};

	return names[kind];
}

bool tb_principal_is(const struct tb_principal *p, unsigned who)
{
	unsigned is = TB_WHO_ANYONE;

	if (p != NULL) {
		static const unsigned of_kind[] = {
			[TB_PRINCIPAL_USER] = TB_WHO_USER,
			[TB_PRINCIPAL_SITE] = TB_WHO_SITE,
			[TB_PRINCIPAL_DEVICE] = TB_WHO_DEVICE,
		};

		is |= of_kind[p->kind];
		if (p->kind == TB_PRINCIPAL_USER && p->is_admin)
			is |= TB_WHO_ADMIN;
	}
	return (is & who) != 0;
}

size_t tb_principal_bytes(const struct tb_principal *p)
{
	return counted_of(p)->bytes;
}

bool tb_principal_has_store(const struct tb_principal *p, struct tb_str id)
{
	for (size_t i = 0; i < p->n_stores; i++)
		if (tb_str_eq(p->stores[i], id))
			return true;
	return false;
}
