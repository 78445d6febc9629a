#include "cli/client_shape.h"

#include <algorithm>
#include <array>
#include <string>

namespace drover::cli {
namespace {

/// Members of one kind: names separated by blanks, each with a mark of its zero value before it: $ text, # number, ? boolean,
/// nothing: null, % a time, & an object, + only if the answer has it (and it is not null or empty).
struct Shape {
  std::string_view kind;
  std::string_view members;
  bool keeps_others = false;
};

constexpr Shape shapes[] = {
    {"alloc",
     "$ID $Namespace $EvalID $Name $NodeID $NodeName $JobID Job $TaskGroup Resources TaskResources AllocatedResources Services Metrics $DesiredStatus $DesiredDescription "
     "&DesiredTransition $ClientStatus $ClientDescription TaskStates $DeploymentID DeploymentStatus $FollowupEvalID $PreviousAllocation $NextAllocation RescheduleTracker NetworkStatus "
     "PreemptedAllocations $PreemptedByAllocation #CreateIndex #ModifyIndex #AllocModifyIndex #CreateTime #ModifyTime"},
    {"alloc stub",
     "$ID $EvalID $Name $Namespace $NodeID $NodeName $JobID $JobType #JobVersion $TaskGroup +AllocatedResources $DesiredStatus $DesiredDescription $ClientStatus $ClientDescription TaskStates "
     "DeploymentStatus $FollowupEvalID $NextAllocation RescheduleTracker PreemptedAllocations $PreemptedByAllocation #CreateIndex #ModifyIndex #CreateTime #ModifyTime"},
    {"eval",
     "$ID #Priority $Type $TriggeredBy $Namespace $JobID #JobModifyIndex $NodeID #NodeModifyIndex $DeploymentID $Status $StatusDescription #Wait %WaitUntil $NextEval $PreviousEval $BlockedEval "
     "RelatedEvals FailedTGAllocs PlanAnnotations ClassEligibility ?EscapedComputedClass $QuotaLimitReached ?AnnotatePlan MissingNonNodeResources QueuedAllocations #SnapshotIndex #CreateIndex #ModifyIndex "
     "#CreateTime #ModifyTime"},
    {"deployment",
     "$ID $Namespace $JobID #JobVersion #JobModifyIndex #JobSpecModifyIndex #JobCreateIndex ?IsMultiregion TaskGroups $Status $StatusDescription #CreateIndex #ModifyIndex #CreateTime #ModifyTime"},
    {"job", "Migrate Reschedule", true},
    {"node",
     "$ID $Datacenter $Name $HTTPAddr ?TLSEnabled Attributes Resources Reserved NodeResources ReservedResources Links Meta $NodeClass $NodePool $CgroupParent ?Drain DrainStrategy "
     "$SchedulingEligibility $Status $StatusDescription #StatusUpdatedAt Events Drivers HostVolumes ?GCVolumesOnNodeGC HostNetworks CSIControllerPlugins CSINodePlugins LastDrain #CreateIndex #ModifyIndex "
     "#NodeMaxAllocs"},
    {"node stub",
     "$Address $ID +Attributes $Datacenter $Name $NodeClass $NodePool $Version ?Drain $SchedulingEligibility $Status $StatusDescription Drivers +NodeResources +ReservedResources LastDrain #CreateIndex "
     "#ModifyIndex"},
    {"scaling policy", "$Namespace", true},
};

Value zero(char mark) {
  switch (mark) {
    case '$': return Value("");
    case '#': return Value(0);
    case '?': return Value(false);
    case '%': return Value("0001-01-01T00:00:00Z");
    case '&': return Value::map();
    default: return Value();
  }
}

bool is_empty(const Value& value) { return value.is_null() || (value.is_map() && value.members().empty()) || (value.is_list() && value.items().empty()); }

}  // namespace

Value client_shape(const Value& object, std::string_view kind) {
  const auto shape = std::ranges::find(shapes, kind, &Shape::kind);
  if (shape == std::end(shapes) || !object.is_map()) return object;
  Value shaped = shape->keeps_others ? object : Value::map();
  std::string_view rest = shape->members;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(' '), rest.size());
    std::string_view name = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const char mark = std::string_view("$#?%&+").find(name[0]) == std::string_view::npos ? ' ' : name[0];
    if (mark != ' ') name.remove_prefix(1);
    const Value* given = object.find(name);
    if (mark == '+' && (given == nullptr || is_empty(*given))) continue;
    shaped.set(name, given ? *given : zero(mark));
  }
  return shaped;
}

Value client_shapes(const Value& list, std::string_view kind) {
  if (!list.is_list()) return list;
  Value shaped = Value::list();
  for (const Value& item : list.items()) shaped.push(client_shape(item, kind));
  return shaped;
}

}  // namespace drover::cli
