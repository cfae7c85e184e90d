/*
 * What users may do with jobs, by their roles. Pure.
 */
#ifndef TB_API_JOBS_ROLES_H
#define TB_API_JOBS_ROLES_H

#include <stdbool.h>

#include "auth/principal.h"

/* Of content, which jobs are. A mask of these. */
enum tb_jobs_permission {
	TB_JOBS_READ = 1,
	TB_JOBS_CREATE = 2,
	TB_JOBS_UPDATE = 4,
	TB_JOBS_REVIEW = 8,
	TB_JOBS_APPROVE = 16,
	TB_JOBS_DELETE = 32,
};
#define TB_JOBS_EVERYTHING 63u

/* All that the roles of a caller permit; an administrator everything, who is
 * no user nothing. */
unsigned tb_jobs_permissions(const struct tb_principal *caller);

#endif
