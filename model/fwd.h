#pragma once

/// Forward declarations of the model's messages, for headers.
namespace drover::model {
class Job;
class TaskGroup;
class Task;
class Resources;
class NetworkResource;
class Service;
class Constraint;
class Affinity;
class Spread;
class RestartPolicy;
class ReschedulePolicy;
class Node;
class NodeResources;
class DriverInfo;
class Allocation;
class RescheduleTracker;
class AllocListStub;
class AllocMetric;
class AllocatedResources;
class TaskState;
class TaskEvent;
class Evaluation;
class Deployment;
class Plan;
class JobDiff;
class JobPlanResponse;
class PlanAnnotations;
class DesiredUpdates;
class FromAgent;
class ToAgent;
class TunnelFrame;
class CallRequest;
class CallResponse;
class DesiredAllocs;
class AllocStatuses;
class AllocStatus;
class Hello;
class StatusesStored;
class OpenTunnel;
}  // namespace drover::model
