/*
 * What the commands do; commands.c lists them. Each prints what it found to
 * standard output and what is wrong to standard error.
 */
#ifndef TB_APP_COMMANDS_H
#define TB_APP_COMMANDS_H

#include "app/cli.h"
#include "app/session.h"

/* cmd_program.c, serve.c */
enum tb_exit tb_cmd_serve(const struct tb_cli *cli);
enum tb_exit tb_cmd_config_check(const struct tb_cli *cli);
enum tb_exit tb_cmd_config_show(const struct tb_cli *cli);
enum tb_exit tb_cmd_version(const struct tb_cli *cli);

/* cmd_demo_shop.c */
enum tb_exit tb_cmd_demo_shop(const struct tb_cli *cli);

/* cmd_orgs.c */
enum tb_exit tb_cmd_init(struct tb_session *session);
enum tb_exit tb_cmd_org_add(struct tb_session *session);
enum tb_exit tb_cmd_org_list(struct tb_session *session);
enum tb_exit tb_cmd_restored(struct tb_session *session);

/* cmd_accounts.c: users, sites and devices alike, by the command's name. */
enum tb_exit tb_cmd_account_list(struct tb_session *session);
enum tb_exit tb_cmd_account_set_password(struct tb_session *session);
enum tb_exit tb_cmd_account_disable(struct tb_session *session);
enum tb_exit tb_cmd_account_enable(struct tb_session *session);
enum tb_exit tb_cmd_user_add(struct tb_session *session);
enum tb_exit tb_cmd_user_set_profile(struct tb_session *session);
enum tb_exit tb_cmd_device_add(struct tb_session *session);

/* cmd_devices.c */
enum tb_exit tb_cmd_device_registered(struct tb_session *session);
enum tb_exit tb_cmd_device_retire(struct tb_session *session);
enum tb_exit tb_cmd_device_reinstate(struct tb_session *session);
enum tb_exit tb_cmd_device_overdue(struct tb_session *session);
enum tb_exit tb_cmd_device_give_up(struct tb_session *session);

/* cmd_jobs.c, cmd_jobs_list.c */
enum tb_exit tb_cmd_job_list(struct tb_session *session);
enum tb_exit tb_cmd_job_show(struct tb_session *session);
enum tb_exit tb_cmd_job_queue(struct tb_session *session);
enum tb_exit tb_cmd_job_pause(struct tb_session *session);
enum tb_exit tb_cmd_job_resume(struct tb_session *session);
enum tb_exit tb_cmd_job_cancel(struct tb_session *session);
enum tb_exit tb_cmd_job_retry(struct tb_session *session);
enum tb_exit tb_cmd_job_purge(struct tb_session *session);

/* cmd_sites.c, cmd_sites_file.c */
enum tb_exit tb_cmd_site_add(struct tb_session *session);
enum tb_exit tb_cmd_site_add_file(struct tb_session *session);
enum tb_exit tb_cmd_site_release(struct tb_session *session);
enum tb_exit tb_cmd_site_resync(struct tb_session *session);
enum tb_exit tb_cmd_site_explain(struct tb_session *session);

/* cmd_stores.c */
enum tb_exit tb_cmd_store_add(struct tb_session *session);
enum tb_exit tb_cmd_store_list(struct tb_session *session);
enum tb_exit tb_cmd_store_assign(struct tb_session *session);
enum tb_exit tb_cmd_store_disable(struct tb_session *session);
enum tb_exit tb_cmd_store_enable(struct tb_session *session);

/* cmd_quarantine.c */
enum tb_exit tb_cmd_quarantine_list(struct tb_session *session);
enum tb_exit tb_cmd_quarantine_retry(struct tb_session *session);
enum tb_exit tb_cmd_quarantine_drop(struct tb_session *session);

/* cmd_conflicts.c */
enum tb_exit tb_cmd_conflict_list(struct tb_session *session);
enum tb_exit tb_cmd_conflict_show(struct tb_session *session);
enum tb_exit tb_cmd_conflict_resolve(struct tb_session *session);

/* cmd_records.c */
enum tb_exit tb_cmd_import(struct tb_session *session);
enum tb_exit tb_cmd_export(struct tb_session *session);

/* cmd_checks.c */
enum tb_exit tb_cmd_check(struct tb_session *session);

/* cmd_audit.c */
enum tb_exit tb_cmd_audit_list(struct tb_session *session);
enum tb_exit tb_cmd_audit_verify(struct tb_session *session);
enum tb_exit tb_cmd_audit_drop(struct tb_session *session);
enum tb_exit tb_cmd_audit_erase(struct tb_session *session);
/* cmd_audit_seals.c: the part of verifying that --seals asks for. */
enum tb_exit tb_audit_check_seals(struct tb_session *session);

/* cmd_keys.c */
enum tb_exit tb_cmd_key_rotate(struct tb_session *session);
enum tb_exit tb_cmd_key_list(struct tb_session *session);
enum tb_exit tb_cmd_key_retire(struct tb_session *session);
enum tb_exit tb_cmd_demo_token(struct tb_session *session);

#endif
