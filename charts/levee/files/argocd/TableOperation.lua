-- A run: it is healthy when it has succeeded, and stays so.
local status = obj.status or {}
local message = status.message or ""
if status.phase == "Succeeded" then
  return { status = "Healthy", message = message }
end
if status.phase == "Failed" then
  return { status = "Degraded", message = message }
end
if status.phase == "Cancelled" then
  return { status = "Suspended", message = message }
end
if obj.spec ~= nil and obj.spec.suspend == true and status.phase ~= "Running" and status.phase ~= "Queued" then
  return { status = "Suspended", message = "suspended" }
end
return { status = "Progressing", message = status.phase == nil and "Levee has not looked at it yet" or message }
