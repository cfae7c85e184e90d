"""The requests and answers of the jobs contract, as they are printed.

Nothing is put in here; test_jobs_seed.py says what may differ.
"""

SYNC = r"""
{
  "version": "1.0.0",
  "status": "active",
  "activeJobs": 5,
  "completedJobs": 120,
  "failedJobs": 2,
  "uptime": "5d 12h 30m"
}
"""
INFO = r"""
{
  "organization": {
    "id": "org123",
    "name": "Example Organization"
  },
  "syncStatus": {
    "lastSync": "2023-01-01T12:00:00Z",
    "activeJobs": 2,
    "completedJobs": 45,
    "failedJobs": 1
  },
  "syncJobs": [
    {
      "id": "job123",
      "name": "product-sync",
      "status": "active",
      "progress": 75,
      "startedAt": "2023-01-01T12:00:00Z",
      "estimatedCompletion": "2023-01-01T12:15:00Z"
    },
    {
      "id": "job456",
      "name": "order-sync",
      "status": "queued",
      "progress": 0,
      "queuedAt": "2023-01-01T12:05:00Z"
    }
  ]
}
"""
QUEUE_REQUEST = r"""
{
  "name": "product-sync",
  "type": "full",
  "priority": "high",
  "data": {
    "source": "shopify",
    "target": "local",
    "filters": {
      "updatedSince": "2023-01-01T00:00:00Z",
      "collections": ["summer-collection", "new-arrivals"]
    }
  },
  "options": {
    "concurrency": 5,
    "retryOnFail": true,
    "maxRetries": 3
  }
}
"""
QUEUE = r"""
{
  "success": true,
  "job": {
    "id": "job789",
    "name": "product-sync",
    "status": "queued",
    "queuedAt": "2023-01-01T12:10:00Z",
    "estimatedStart": "2023-01-01T12:12:00Z"
  }
}
"""
PURGE = r"""
{
  "success": true,
  "message": "Sync jobs purged successfully",
  "purgedJobs": {
    "completed": 45,
    "failed": 1
  }
}
"""
PAUSE = r"""
{
  "success": true,
  "message": "Sync job paused successfully",
  "job": {
    "id": "job123",
    "name": "product-sync",
    "status": "paused",
    "progress": 75,
    "pausedAt": "2023-01-01T12:08:00Z"
  }
}
"""
RESUME = r"""
{
  "success": true,
  "message": "Sync job resumed successfully",
  "job": {
    "id": "job123",
    "name": "product-sync",
    "status": "active",
    "progress": 75,
    "resumedAt": "2023-01-01T12:10:00Z",
    "estimatedCompletion": "2023-01-01T12:15:00Z"
  }
}
"""
FULL = r"""
{
  "name": "full-sync",
  "type": "full",
  "data": {
    "source": "shopify",
    "target": "local"
  }
}
"""
INCREMENTAL = r"""
{
  "name": "incremental-sync",
  "type": "incremental",
  "data": {
    "source": "shopify",
    "target": "local",
    "filters": {
      "updatedSince": "2023-01-01T00:00:00Z"
    }
  }
}
"""
ENTITY = r"""
{
  "name": "product-sync",
  "type": "entity",
  "data": {
    "source": "shopify",
    "target": "local",
    "entity": "products",
    "filters": {
      "collections": ["summer-collection"]
    }
  }
}
"""
SCHEDULED = r"""
{
  "name": "scheduled-sync",
  "type": "scheduled",
  "schedule": {
    "startAt": "2023-01-15T00:00:00Z",
    "repeat": "daily",
    "time": "00:00"
  },
  "data": {
    "source": "shopify",
    "target": "local"
  }
}
"""
EMPTY_DATA = r"""
{
  "statusCode": 400,
  "message": "Empty Data",
  "error": "Bad Request"
}
"""
