/*
 * What the system itself keeps as records: principals, names, marks,
 * quarantine. System collections and scopes have fixed small numbers, below
 * the first number of any org's order, so that no rid equals one; their
 * records go through the same commits as everybody's.
 */
#ifndef TB_KERNEL_SYSTEM_H
#define TB_KERNEL_SYSTEM_H

#include <stdint.h>

#include "kernel/record.h"

/* An org's order begins above this; the numbers up to it are the system's. */
#define TB_NUM_RESERVED 63u

enum tb_system_coll {
	TB_COLL_COLLECTION =
		1,            /* key: a collection's name; its rid is its id */
	TB_COLL_SCOPE = 2,    /* key: a scope's name; its rid is its id */
	TB_COLL_LOGIN = 3,    /* org 0; key "site/name", "user/name",
			       * "org/name" */
	TB_COLL_SITE = 4,     /* key: the site's integer id in decimal */
	TB_COLL_USER = 5,     /* key: the user's uuid */
	TB_COLL_STORE = 6,    /* key: the store's id */
	TB_COLL_DEVICE = 7,   /* key: the device's id */
	TB_COLL_CONSUMER = 8, /* key: the site's id; its marks (silent) */
	TB_COLL_QUARANTINE = 9, /* key: site, table and record id */
	TB_COLL_CONFLICT = 10,  /* the ledger (kernel/ledger.h) */
	TB_COLL_WORK = 11,      /* key: what; unfinished background work */
	TB_COLL_SETTING = 12,   /* key: name (silent). Org 0: "demo",
				 * "last_org". Others: "imported" (sight.h),
				 * "audit_base" (audit_base.h),
				 * "declared" (redeclare.h), "jobs" (job.h),
				 * by collection what
				 * restart.h keeps, and counters (counter.h):
				 * "conflicts", "conflict_bytes",
				 * "undeclared_tables/SITE", "next_id/NAME",
				 * "dropped_id/SCOPE" */
	TB_COLL_KEY = 13,       /* org 0; key: kid; signing keys' states */
	TB_COLL_EVENT = 14,     /* key: the event's uuid (kernel/event.h) */
	TB_COLL_ACL = 15,       /* rules of events (kernel/acl_store.h) */
	TB_COLL_FAMILY = 16,    /* key: id of a family of tokens
				 * (kernel/family.h) */
	TB_COLL_UPDATE = 17,    /* key: a record's rid; its last accepted
				 * sync_update (silent) */
	TB_COLL_REQUEST = 18,   /* requests with an Idempotency-Key
				 * (kernel/requests.h) */
	TB_COLL_HISTORY = 19,   /* earlier versions (kernel/history.h; silent)
				 */
	TB_COLL_DEVICE_EVENT = 20, /* key: its id (kernel/device_event.h) */
	TB_COLL_DELIVERY = 21,     /* key: an event's id; while it is pending,
				    * or failed (kernel/device_record.h) */
	TB_COLL_REGISTRATION = 22, /* key: a device's id
				    * (kernel/registration.h) */
	TB_COLL_MARKS = 23,        /* key: a device's id; what it has (silent)
				    */
	TB_COLL_SENT = 24,         /* key: what names an event of a device;
				    * its id (silent) */
	TB_COLL_TALLY = 25,        /* key: of a device, a user or both; how
				    * many events (silent); its rid is the scope
				    * of these (kernel/device_tally.h) */
	TB_COLL_JOB = 26,          /* key: "jobN" (kernel/job.h) */
	TB_COLL_JOB_NAME = 27,     /* key: a job's name; which unfinished one
				    * has it, and its last success */
	TB_COLL_JOB_NOTES = 28,    /* key: "jobN"; its runs, log and errors
				    * (silent) */
	TB_COLL_SYSTEM_LAST = TB_NUM_RESERVED,
};

/* Scopes that each org has from the start: tb_scope_known(org, these). The
 * first two are numbered densely (enum tb_dense, in this order). */
enum tb_known_scope {
	TB_SCOPE_CENTRAL = 1, /* central data, to every site */
	TB_SCOPE_EVENTS = 2,
	TB_SCOPE_QUARANTINE = 3,
	TB_SCOPE_CONFLICTS = 4,
	TB_SCOPE_SITES = 5,
	TB_SCOPE_USERS = 6,
	TB_SCOPE_STORES = 7,
	TB_SCOPE_DEVICES = 8,
	TB_SCOPE_WORK = 9,
	TB_SCOPE_TOMBSTONES = 10, /* deleted records, oldest first */
	TB_SCOPE_KEYS = 11,       /* org 0 */
	TB_SCOPE_WAITING = 12,    /* children without their parents */
	TB_SCOPE_NAMES = 13,      /* collections and scopes */
	TB_SCOPE_FAMILIES = 14,   /* of tokens, the longest idle first */
	TB_SCOPE_REQUESTS = 15,   /* with an Idempotency-Key, oldest first */
	TB_SCOPE_RESOLVED = 16,   /* conflicts, as they were resolved */
	/* Of devices' events, by id. */
	TB_SCOPE_DEVICE_EVENTS = 17, /* all */
	TB_SCOPE_LIVE_EVENTS = 18,   /* that go out in real time */
	TB_SCOPE_PENDING = 19,       /* deliveries; so the next two */
	TB_SCOPE_PENDING_CRITICAL = 20,
	TB_SCOPE_FAILED = 21,
	TB_SCOPE_REGISTRATIONS = 22,
	TB_SCOPE_CRITICAL_EVENTS = 23, /* by id */
	/* Registrations of devices that count, and of those that do not and are
	 * being written off; in the order of their last change. */
	TB_SCOPE_REGISTRATIONS_ACTIVE = 24,
	TB_SCOPE_REGISTRATIONS_LEAVING = 25,
	/* Jobs: all, in the order of their changes; and what each is now. */
	TB_SCOPE_JOBS = 26,
	TB_SCOPE_JOBS_READY = 27,  /* fixed: by priority, then number */
	TB_SCOPE_JOBS_DUE = 28,    /* fixed: by time, then number */
	TB_SCOPE_JOBS_ACTIVE = 29, /* fixed: by number; so the next */
	TB_SCOPE_JOBS_PAUSED = 30,
	TB_SCOPE_JOBS_COMPLETED = 31,
	TB_SCOPE_JOBS_FAILED = 32,
	TB_SCOPE_JOB_NAMES = 33, /* with a success, the oldest first */
};

static inline uint64_t tb_scope_known(uint32_t org, enum tb_known_scope scope)
{
	return tb_rid(org, scope);
}

/* The other scopes are records of TB_COLL_SCOPE, named by one of these and
 * an id: what a store's site gets; what a site pushed that belongs to no
 * store; the users who may work in a store. */
#define TB_SCOPE_STORE_PREFIX "store/"
#define TB_SCOPE_SITE_PREFIX "site/"
#define TB_SCOPE_USERS_PREFIX "users/"

#endif
