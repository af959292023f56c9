-- As kstatus reads it: what the controller has not looked at yet is under way, and so is what says that it is.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function is(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end

local ready = conditions["Ready"]
if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "it is being deleted" }
end
if obj.spec ~= nil and obj.spec.suspend == true then
  return { status = "Suspended", message = "suspended" }
end
if ready == nil or (status.observedGeneration or -1) ~= obj.metadata.generation then
  return { status = "Progressing", message = "Levee has not looked at it yet" }
end
if is("Stalled") then
  return { status = "Degraded", message = conditions["Stalled"].reason .. ": " .. conditions["Stalled"].message }
end
if ready.status == "True" then
  return { status = "Healthy", message = ready.message }
end
if is("Reconciling") then
  return { status = "Progressing", message = ready.reason .. ": " .. ready.message }
end
return { status = "Degraded", message = ready.reason .. ": " .. ready.message }
