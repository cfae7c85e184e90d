#include "api/jobs/roles.h"

#include "base/assert.h"

#define READ TB_JOBS_READ
#define CREATE TB_JOBS_CREATE
#define UPDATE TB_JOBS_UPDATE
#define REVIEW TB_JOBS_REVIEW
#define APPROVE TB_JOBS_APPROVE
#define DELETE TB_JOBS_DELETE

static const struct {
	const char *role;
	unsigned permissions;
} roles[] = {
	{ "Guest", READ },
	{ "User", READ | CREATE },
	{ "Customer", READ | CREATE },
	{ "Reviewer", READ | CREATE | REVIEW | APPROVE },
	{ "Publisher", READ | CREATE | UPDATE | REVIEW | DELETE },
	{ "PowerUser", READ | CREATE | UPDATE | REVIEW | DELETE },
	{ "Owner", TB_JOBS_EVERYTHING },
	{ "ContentAdmin", TB_JOBS_EVERYTHING },
	{ "System", TB_JOBS_EVERYTHING },
};

static unsigned permissions_of(struct tb_str role)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(roles); i++)
		if (tb_str_eq(role, tb_str_z(roles[i].role)))
			return roles[i].permissions;
	return 0;
}

unsigned tb_jobs_permissions(const struct tb_principal *caller)
{
	unsigned all = 0;

	if (caller->kind != TB_PRINCIPAL_USER)
		return 0;
	if (caller->is_admin)
		return TB_JOBS_EVERYTHING;
	for (size_t i = 0; i < caller->n_roles; i++)
		all |= permissions_of(caller->roles[i]);
	return all;
}
