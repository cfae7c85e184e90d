#include "api/ops/demo.h"

#include "base/assert.h"

const struct tb_demo_account tb_demo_accounts[] = {
	{ .kind = TB_ACCOUNT_USER,
	  .what = "administrator",
	  .username = "admin",
	  .password = "admin-demo-pass",
	  .key = "admin",
	  .name = "Administrator",
	  .is_admin = true },
	{ .kind = TB_ACCOUNT_USER,
	  .what = "user",
	  .username = "testuser",
	  .password = "testpass123",
	  .key = "user123",
	  .name = "Test User",
	  .store = "store-a" },
	{ .kind = TB_ACCOUNT_USER,
	  .what = "staff, sees all collections",
	  .username = "staff",
	  .password = "staff-demo-pass",
	  .key = "staff",
	  .name = "Staff",
	  .role = "staff" },
	{ .kind = TB_ACCOUNT_USER,
	  .what = "doctor 10",
	  .username = "doctor",
	  .password = "doctor-demo-pass",
	  .key = "doctor",
	  .name = "Doctor",
	  .role = "doctor",
	  .profile = "10" },
	{ .kind = TB_ACCOUNT_USER,
	  .what = "patient 1",
	  .username = "patient",
	  .password = "patient-demo-pass",
	  .key = "patient",
	  .name = "Patient",
	  .role = "patient",
	  .profile = "1" },
	{ .kind = TB_ACCOUNT_USER,
	  .what = "publisher, may do all with jobs",
	  .username = "publisher",
	  .password = "publisher-demo-pass",
	  .key = "publisher",
	  .name = "Publisher",
	  .role = "Publisher" },
	{ .kind = TB_ACCOUNT_USER,
	  .what = "guest, may look at jobs",
	  .username = "guest",
	  .password = "guest-demo-pass",
	  .key = "guest",
	  .name = "Guest",
	  .role = "Guest" },
	{ .kind = TB_ACCOUNT_SITE,
	  .what = "site 63, store store-a",
	  .username = "username",
	  .password = "password",
	  .key = "63",
	  .site_id = 63,
	  .name = "username",
	  .store = "store-a" },
	{ .kind = TB_ACCOUNT_SITE,
	  .what = "site 64, store store-b",
	  .username = "site64",
	  .password = "password64",
	  .key = "64",
	  .site_id = 64,
	  .name = "site64",
	  .store = "store-b" },
	{ .kind = TB_ACCOUNT_SITE,
	  .what = "site 1, edits central data",
	  .username = "primary",
	  .password = "primary-password",
	  .key = "1",
	  .site_id = 1,
	  .name = "primary",
	  .may_edit_central = true },
};
const size_t tb_demo_accounts_count = TB_ARRAY_LEN(tb_demo_accounts);

const struct tb_demo_line tb_demo_lines[] = {
	{ "central data, as a site reads it from the beginning",
	  "curl -u username:password '",
	  "/sync/v5/central_records?cursor=0&limit=10'" },
	{ "an invoice that site 63 pushes; finalised, so store-b gets it too",
	  "curl -u username:password -H 'Content-Type: application/json'"
	  " -d '[{\"site_id\":\"63\",\"table\":\"transact\","
	  "\"recordID\":\"my-invoice\",\"action\":\"insert\","
	  "\"data\":{\"store_ID\":\"store-a\",\"other_store_ID\":\"store-b\","
	  "\"status\":\"fn\",\"total\":12.50}}]' '",
	  "/sync/v5/queued_records'" },
	{ "what now waits for site 64", "curl -u site64:password64 '",
	  "/sync/v5/queued_records?limit=10'" },
	{ "a user's token, which the next line takes from $T",
	  "T=$(curl -s -H 'Content-Type: application/json'"
	  " -d '{\"username\":\"testuser\",\"password\":\"testpass123\"}' '",
	  "/api/v1/auth/token' | sed 's/.*:\"//;s/\".*//')" },
	{ "the history of events", "curl -H \"Authorization: Bearer $T\" '",
	  "/api/v1/events'" },
	{ "a member of staff's token, which the next line takes from $R",
	  "R=$(curl -s -H 'Content-Type: application/json'"
	  " -d '{\"username\":\"staff\",\"password\":\"staff-demo-pass\"}' '",
	  "/api/auth/token/' | sed 's/.*\"access\":\"//;s/\".*//')" },
	{ "the appointments, as a phone downloads them",
	  "curl -i -H \"Authorization: Bearer $R\" '",
	  "/api/appointments/sync/'" },
	{ "an event that a till pushes; no token is needed here",
	  "curl -H 'Content-Type: application/json'"
	  " -d '{\"event_type\":\"stock_update\",\"device_id\":\"dev123\","
	  "\"payload\":{\"product_id\":1,\"qty\":5}}' '",
	  "/sync/push'" },
	{ "what another till gets", "curl '",
	  "/sync/pull?device_id=dev456&since=2025-07-25T12:00:00'" },
	{ "what became of the events of the first", "curl '",
	  "/sync/status?device_id=dev123'" },
	{ "a publisher's token, which the next lines take from $P",
	  "P=$(curl -s -H 'Content-Type: application/json'"
	  " -d '{\"username\":\"publisher\","
	  "\"password\":\"publisher-demo-pass\"}' '",
	  "/api/login' | sed 's/.*\"token\":\"\\([^\"]*\\).*/\\1/')" },
	{ "a job that brings products here, from a made-up shop beside the "
	  "demo",
	  "curl -H \"Authorization: Bearer $P\" -H 'orgid: org123'"
	  " -H 'Content-Type: application/json'"
	  " -d '{\"name\":\"product-sync\",\"type\":\"full\",\"data\":"
	  "{\"source\":\"shopify\",\"entity\":\"products\"}}' '",
	  "/sync/queue'" },
	{ "how far it is",
	  "curl -H \"Authorization: Bearer $P\" -H 'orgid: org123' '",
	  "/sync/jobs'" },
	{ "whether the server is there", "curl '", "/api/ping'" },
};
const size_t tb_demo_lines_count = TB_ARRAY_LEN(tb_demo_lines);

void tb_demo_put_line(struct tb_buf *buf, const struct tb_demo_line *line,
		      struct tb_str base)
{
	tb_buf_append_z(buf, line->before);
	tb_buf_append_str(buf, base);
	tb_buf_append_z(buf, line->after);
}
