"""The requests and answers of the resources contract, as they are printed.

Nothing is put in here; test_resources_seed.py says what may differ.
"""

STATUS_REQUEST = r"""
curl -X GET "http://localhost:8000/api/sync/status/" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..."
"""
STATUS = r"""
{
  "server_time": "2024-01-21T16:45:30.123456Z",
  "sync_strategy": {
    "strategy": "Server-Authoritative",
    "description": "Server data is the source of truth for rural healthcare.",
    "conflict_handling": "Stale client updates are rejected to maintain data integrity.",
    "resolution": "Clients must refresh when conflicts occur."
  },
  "supported_parameters": {
    "last_sync_timestamp": "ISO 8601 datetime (e.g., 2024-01-20T10:00:00Z)",
    "pharmacy_id": "Optional pharmacy filter for inventory sync"
  },
  "sync_endpoints": {
    "patients": "/api/patients/sync/",
    "appointments": "/api/appointments/sync/",
    "pharmacy_inventory": "/api/pharmacy-inventory/sync/",
    "doctors": "/api/doctors/sync/"
  },
  "headers": {
    "X-Last-Sync": "Server time for next sync",
    "X-Records-Synced": "Number of records returned",
    "ETag": "For conditional requests (If-None-Match)",
    "X-Sync-Strategy": "Conflict resolution approach"
  },
  "conflict_handling": {
    "strategy": "Server-Authoritative",
    "error_code": "STALE_UPDATE",
    "http_status": 409,
    "suggested_action": "REFRESH"
  }
}
"""
PATIENTS_REQUEST = r"""
curl -X GET "http://localhost:8000/api/patients/sync/" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..." \
  -v
"""
PATIENTS_HEADERS = r"""
HTTP/1.1 200 OK
Date: Sun, 21 Jan 2024 16:45:30 GMT
Content-Type: application/json
X-Last-Sync: 2024-01-21T16:45:30Z
X-Records-Synced: 2
X-Sync-Strategy: server-authoritative
ETag: "a1b2c3d4e5f6g7h8"
Content-Length: 1250
"""
PATIENTS = r"""
[
  {
    "id": 1,
    "phone_number": "+91-9876543210",
    "address": "Village Gram, Taluka Taluka, District Sangli, State Maharashtra 415001",
    "gender": "Male",
    "created_at": "2024-01-10T08:00:00Z",
    "updated_at": "2024-01-15T14:30:00Z",
    "last_synced_at": null
  },
  {
    "id": 2,
    "phone_number": "+91-9123456789",
    "address": "Village Warna, Taluka Taluka, District Satara, State Maharashtra 415402",
    "gender": "Female",
    "created_at": "2024-01-12T10:15:00Z",
    "updated_at": "2024-01-18T11:20:00Z",
    "last_synced_at": null
  }
]
"""
PATIENTS_SINCE_REQUEST = r"""
curl -X GET "http://localhost:8000/api/patients/sync/?last_sync_timestamp=2024-01-15T14:30:00Z" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..." \
  -v
"""
PATIENTS_SINCE = r"""
[
  {
    "id": 2,
    "phone_number": "+91-9123456789",
    "address": "Village Warna, Taluka Taluka, District Satara, State Maharashtra 415402",
    "gender": "Female",
    "created_at": "2024-01-12T10:15:00Z",
    "updated_at": "2024-01-18T11:20:00Z",
    "last_synced_at": null
  }
]
"""
ETAG_REQUEST = r"""
curl -X GET "http://localhost:8000/api/patients/sync/" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..." \
  -v
"""
ETAG_ANSWER = r"""
HTTP/1.1 200 OK
ETag: "x9y8z7w6v5u4t3s2"
X-Last-Sync: 2024-01-21T16:45:30Z

[patient data...]
"""
MATCH_REQUEST = r"""
curl -X GET "http://localhost:8000/api/patients/sync/" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..." \
  -H "If-None-Match: \"x9y8z7w6v5u4t3s2\"" \
  -v
"""
MATCH_ANSWER = r"""
HTTP/1.1 304 Not Modified

(No body - saves bandwidth)
"""
APPOINTMENTS_REQUEST = r"""
curl -X GET "http://localhost:8000/api/appointments/sync/" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..." \
  -H "Accept: application/json"
"""
APPOINTMENTS = r"""
[
  {
    "id": 101,
    "patient_id": 1,
    "doctor_id": 10,
    "appointment_date": "2024-01-25T14:00:00Z",
    "status": "PENDING",
    "symptoms": "Fever, body pain, weakness for 3 days",
    "diagnosis": null,
    "prescription": null,
    "created_at": "2024-01-20T09:30:00Z",
    "updated_at": "2024-01-20T09:30:00Z",
    "last_synced_at": null
  },
  {
    "id": 102,
    "patient_id": 1,
    "doctor_id": 11,
    "appointment_date": "2024-01-22T10:30:00Z",
    "status": "CONFIRMED",
    "symptoms": "Persistent cough, difficulty breathing",
    "diagnosis": "Mild pneumonia, viral infection",
    "prescription": "Amoxicillin 500mg 3x daily, Cough syrup",
    "created_at": "2024-01-10T15:45:00Z",
    "updated_at": "2024-01-18T13:20:00Z",
    "last_synced_at": null
  },
  {
    "id": 103,
    "patient_id": 2,
    "doctor_id": 12,
    "appointment_date": "2024-01-28T15:00:00Z",
    "status": "COMPLETED",
    "symptoms": "Dizziness, high BP reading",
    "diagnosis": "Hypertension, need monitoring",
    "prescription": "Amlodipine 5mg once daily",
    "created_at": "2024-01-05T11:00:00Z",
    "updated_at": "2024-01-19T16:15:00Z",
    "last_synced_at": null
  }
]
"""
APPOINTMENTS_SINCE_REQUEST = r"""
curl -X GET "http://localhost:8000/api/appointments/sync/?last_sync_timestamp=2024-01-18T13:20:00Z" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..."
"""
APPOINTMENTS_SINCE = r"""
[
  {
    "id": 103,
    "patient_id": 2,
    "doctor_id": 12,
    "appointment_date": "2024-01-28T15:00:00Z",
    "status": "COMPLETED",
    "symptoms": "Dizziness, high BP reading",
    "diagnosis": "Hypertension, need monitoring",
    "prescription": "Amlodipine 5mg once daily",
    "created_at": "2024-01-05T11:00:00Z",
    "updated_at": "2024-01-19T16:15:00Z",
    "last_synced_at": null
  }
]
"""
UPDATE_REQUEST = r"""
curl -X PUT "http://localhost:8000/api/appointments/101/sync_update/" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..." \
  -H "Content-Type: application/json" \
  -d '{
    "client_last_synced_at": "2024-01-20T09:30:00Z",
    "status": "CONFIRMED",
    "diagnosis": "Common cold with mild fever",
    "prescription": "Rest, fluids, Paracetamol 500mg"
  }'
"""
UPDATED = r"""
{
  "id": 101,
  "patient_id": 1,
  "doctor_id": 10,
  "appointment_date": "2024-01-25T14:00:00Z",
  "status": "CONFIRMED",
  "symptoms": "Fever, body pain, weakness for 3 days",
  "diagnosis": "Common cold with mild fever",
  "prescription": "Rest, fluids, Paracetamol 500mg",
  "created_at": "2024-01-20T09:30:00Z",
  "updated_at": "2024-01-21T16:50:15Z",
  "last_synced_at": "2024-01-21T16:50:15Z"
}
"""
STALE_REQUEST = r"""
curl -X PUT "http://localhost:8000/api/appointments/102/sync_update/" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..." \
  -H "Content-Type: application/json" \
  -d '{
    "client_last_synced_at": "2024-01-10T15:45:00Z",
    "status": "COMPLETED",
    "prescription": "Different prescription"
  }'
"""
STALE = r"""
{
  "error_code": "STALE_UPDATE",
  "message": "Record has been modified since your last sync. Your changes may conflict.",
  "conflict_type": "VERSION_MISMATCH",
  "server_version": "2024-01-18T13:20:00Z",
  "client_version": "2024-01-10T15:45:00Z",
  "suggested_action": "REFRESH"
}
"""
INVENTORY_REQUEST = r"""
curl -X GET "http://localhost:8000/api/pharmacy-inventory/sync/" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..." \
  -H "Accept: application/json"
"""
INVENTORY = r"""
[
  {
    "id": 1,
    "pharmacy_id": 5,
    "pharmacy_name": "Gram Medical Store, Warna",
    "medicine_id": 15,
    "medicine_name": "Paracetamol 500mg",
    "quantity_available": 250,
    "created_at": "2024-01-15T08:00:00Z",
    "last_updated": "2024-01-20T14:30:00Z",
    "last_synced_at": null
  },
  {
    "id": 2,
    "pharmacy_id": 5,
    "pharmacy_name": "Gram Medical Store, Warna",
    "medicine_id": 18,
    "medicine_name": "Amoxicillin 500mg",
    "quantity_available": 120,
    "created_at": "2024-01-15T08:00:00Z",
    "last_updated": "2024-01-19T16:20:00Z",
    "last_synced_at": null
  },
  {
    "id": 3,
    "pharmacy_id": 6,
    "pharmacy_name": "Village Care Pharmacy, Gram",
    "medicine_id": 15,
    "medicine_name": "Paracetamol 500mg",
    "quantity_available": 0,
    "created_at": "2024-01-16T09:00:00Z",
    "last_updated": "2024-01-21T10:15:00Z",
    "last_synced_at": null
  },
  {
    "id": 4,
    "pharmacy_id": 6,
    "pharmacy_name": "Village Care Pharmacy, Gram",
    "medicine_id": 22,
    "medicine_name": "Amlodipine 5mg",
    "quantity_available": 85,
    "created_at": "2024-01-16T09:00:00Z",
    "last_updated": "2024-01-18T12:45:00Z",
    "last_synced_at": null
  }
]
"""
INVENTORY_SINCE_REQUEST = r"""
curl -X GET "http://localhost:8000/api/pharmacy-inventory/sync/?last_sync_timestamp=2024-01-19T16:20:00Z" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..."
"""
INVENTORY_SINCE = r"""
[
  {
    "id": 3,
    "pharmacy_id": 6,
    "pharmacy_name": "Village Care Pharmacy, Gram",
    "medicine_id": 15,
    "medicine_name": "Paracetamol 500mg",
    "quantity_available": 0,
    "created_at": "2024-01-16T09:00:00Z",
    "last_updated": "2024-01-21T10:15:00Z",
    "last_synced_at": null
  }
]
"""
PHARMACY_REQUEST = r"""
curl -X GET "http://localhost:8000/api/pharmacy-inventory/sync/?pharmacy_id=5" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..."
"""
PHARMACY = r"""
[
  {
    "id": 1,
    "pharmacy_id": 5,
    "pharmacy_name": "Gram Medical Store, Warna",
    "medicine_id": 15,
    "medicine_name": "Paracetamol 500mg",
    "quantity_available": 250,
    "created_at": "2024-01-15T08:00:00Z",
    "last_updated": "2024-01-20T14:30:00Z",
    "last_synced_at": null
  },
  {
    "id": 2,
    "pharmacy_id": 5,
    "pharmacy_name": "Gram Medical Store, Warna",
    "medicine_id": 18,
    "medicine_name": "Amoxicillin 500mg",
    "quantity_available": 120,
    "created_at": "2024-01-15T08:00:00Z",
    "last_updated": "2024-01-19T16:20:00Z",
    "last_synced_at": null
  }
]
"""
DATE_ONLY_REQUEST = r"""
curl -X GET "http://localhost:8000/api/appointments/sync/?last_sync_timestamp=2024-01-20" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..."
"""
DATE_ONLY = r"""
{
  "last_sync_timestamp": "Invalid timestamp format. Use ISO 8601 format. Error: time data '2024-01-20' does not match format '%Y-%m-%d'"
}
"""
FUTURE_REQUEST = r"""
curl -X GET "http://localhost:8000/api/patients/sync/?last_sync_timestamp=2099-01-20T10:00:00Z" \
  -H "Authorization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..."
"""
FUTURE = r"""
{
  "last_sync_timestamp": "Sync timestamp cannot be in the future."
}
"""
NO_TOKEN_REQUEST = r"""
curl -X GET "http://localhost:8000/api/appointments/sync/"
"""
NO_TOKEN = r"""
{
  "detail": "Authentication credentials were not provided."
}
"""
BAD_TOKEN_REQUEST = r"""
curl -X GET "http://localhost:8000/api/appointments/sync/" \
  -H "Authorization: Bearer invalid.token.here"
"""
BAD_TOKEN = r"""
{
  "detail": "Given token not valid for any token type"
}
"""
PHASE_1 = r"""
# 1. Get sync status and learn about the system
curl -X GET "http://api.nabha.local/api/sync/status/" \
  -H "Authorization: Bearer <token>"

# 2. Download all patient data
curl -X GET "http://api.nabha.local/api/patients/sync/" \
  -H "Authorization: Bearer <token>" \
  > patient_sync.json
# Save X-Last-Sync header: 2024-01-21T16:45:30Z

# 3. Download all appointments
curl -X GET "http://api.nabha.local/api/appointments/sync/" \
  -H "Authorization: Bearer <token>" \
  > appointment_sync.json
# Save X-Last-Sync header: 2024-01-21T16:45:30Z

# 4. Download medicine availability
curl -X GET "http://api.nabha.local/api/pharmacy-inventory/sync/" \
  -H "Authorization: Bearer <token>" \
  > inventory_sync.json
# Save X-Last-Sync header: 2024-01-21T16:45:30Z

# Device goes OFFLINE
# Worker makes local changes to appointment 102
"""
PHASE_3 = r"""
# 1. Try to upload changes with client's old timestamp
curl -X PUT "http://api.nabha.local/api/appointments/102/sync_update/" \
  -H "Authorization: Bearer <token>" \
  -H "Content-Type: application/json" \
  -d '{
    "client_last_synced_at": "2024-01-21T16:45:30Z",
    "status": "CONFIRMED",
    "diagnosis": "Pneumonia, mild case"
  }'

# SUCCESS (200 OK) - No conflict
# Response includes: last_synced_at: "2024-01-21T17:15:45Z"
"""
PHASE_4 = r"""
# 1. Check for updates since last sync
curl -X GET "http://api.nabha.local/api/appointments/sync/?last_sync_timestamp=2024-01-21T17:15:45Z" \
  -H "Authorization: Bearer <token>"

# 2. Check inventory updates
curl -X GET "http://api.nabha.local/api/pharmacy-inventory/sync/?last_sync_timestamp=2024-01-21T17:15:45Z" \
  -H "Authorization: Bearer <token>"

# 3. Use ETag for conditional request to save bandwidth
curl -X GET "http://api.nabha.local/api/patients/sync/" \
  -H "Authorization: Bearer <token>" \
  -H "If-None-Match: \"x9y8z7w6v5u4t3s2\""

# Response: 304 Not Modified (data unchanged)
"""
SCRIPT = r"""
#!/bin/bash

TOKEN="your_jwt_token_here"
API="http://localhost:8000/api"

echo "=== Testing Sync Endpoints ==="

echo "\n1. Sync Status"
curl -s -X GET "$API/sync/status/" \
  -H "Authorization: Bearer $TOKEN" | jq .

echo "\n2. Full Appointment Sync"
curl -s -X GET "$API/appointments/sync/" \
  -H "Authorization: Bearer $TOKEN" | jq .

echo "\n3. Incremental Sync (last 2 hours)"
TIMESTAMP=$(date -u -d '2 hours ago' '+%Y-%m-%dT%H:%M:%SZ')
curl -s -X GET "$API/appointments/sync/?last_sync_timestamp=$TIMESTAMP" \
  -H "Authorization: Bearer $TOKEN" | jq .
"""
