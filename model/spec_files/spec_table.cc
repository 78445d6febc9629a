#include "model/spec_files/spec_table.h"

namespace drover::model::spec_files {
namespace {

constexpr std::string_view policies = "deny read list write";
constexpr std::string_view namespace_policies = "deny read write scale";
constexpr std::string_view access_modes =
    "single-node-reader-only single-node-writer single-node-single-writer single-node-multi-writer multi-node-reader-only multi-node-single-writer multi-node-multi-writer";
constexpr std::string_view namespace_capabilities =
    "deny list-jobs parse-job read-job submit-job dispatch-job read-logs read-fs alloc-exec alloc-node-exec alloc-lifecycle sentinel-override csi-register-plugin csi-write-volume "
    "csi-read-volume csi-list-volume csi-mount-volume host-volume-create host-volume-register host-volume-read host-volume-write host-volume-delete list-scaling-policies "
    "read-scaling-policy read-job-scaling scale-job submit-recommendation register-job revert-job deregister-job purge-job evaluate-job plan-job tag-job-version stable-job "
    "fail-deployment pause-deployment promote-deployment unblock-deployment cancel-deployment set-alloc-health-deployment gc-allocation pause-allocation force-periodic-job "
    "delete-service-registration";

// clang-format off
constexpr Row rows[] = {
    {"namespace", "name", Kind::text, "Name", "", true},
    {"namespace", "description", Kind::text, "Description"},
    {"namespace", "quota", Kind::text, "Quota"},
    {"namespace", "meta", Kind::map, "Meta"},
    {"namespace", "capabilities", Kind::block, "Capabilities", "namespace.capabilities"},
    {"namespace", "node_pool_config", Kind::block, "NodePoolConfiguration", "choices"},
    {"namespace", "vault", Kind::block, "VaultConfiguration", "choices"},
    {"namespace", "consul", Kind::block, "ConsulConfiguration", "choices"},

    {"namespace.capabilities", "enabled_task_drivers", Kind::texts, "EnabledTaskDrivers"},
    {"namespace.capabilities", "disabled_task_drivers", Kind::texts, "DisabledTaskDrivers"},
    {"namespace.capabilities", "enabled_network_modes", Kind::texts, "EnabledNetworkModes"},
    {"namespace.capabilities", "disabled_network_modes", Kind::texts, "DisabledNetworkModes"},

    {"choices", "default", Kind::text, "Default"},
    {"choices", "allowed", Kind::texts, "Allowed"},
    {"choices", "denied", Kind::texts, "Denied"},

    {"node_pool file", "node_pool", Kind::block, "NodePool", "node_pool", true},

    {"node_pool", "label", Kind::label, "Name"},
    {"node_pool", "description", Kind::text, "Description"},
    {"node_pool", "meta", Kind::map, "Meta"},
    {"node_pool", "node_identity_ttl", Kind::duration, "NodeIdentityTTL"},
    {"node_pool", "scheduler_config", Kind::block, "SchedulerConfiguration", "scheduler_config"},

    {"scheduler_config", "scheduler_algorithm", Kind::text, "SchedulerAlgorithm", "binpack spread"},
    {"scheduler_config", "memory_oversubscription_enabled", Kind::boolean, "MemoryOversubscriptionEnabled"},

    {"quota", "name", Kind::text, "Name", "", true},
    {"quota", "description", Kind::text, "Description"},
    {"quota", "limit", Kind::blocks, "Limits", "quota.limit"},

    {"quota.limit", "region", Kind::text, "Region", "", true},
    {"quota.limit", "region_limit", Kind::block, "RegionLimit", "quota.region_limit"},
    {"quota.limit", "variables_limit", Kind::integer, "VariablesLimit"},

    {"quota.region_limit", "cpu", Kind::integer, "CPU"},
    {"quota.region_limit", "cores", Kind::integer, "Cores"},
    {"quota.region_limit", "memory", Kind::integer, "MemoryMB"},
    {"quota.region_limit", "memory_max", Kind::integer, "MemoryMaxMB"},

    {"volume", "id", Kind::text, "ID"},
    {"volume", "name", Kind::text, "Name", "", true},
    {"volume", "namespace", Kind::text, "Namespace"},
    {"volume", "type", Kind::text, "Type", "csi host", true},
    {"volume", "plugin_id", Kind::text, "PluginID"},
    {"volume", "external_id", Kind::text, "ExternalID"},
    {"volume", "snapshot_id", Kind::text, "SnapshotID"},
    {"volume", "clone_id", Kind::text, "CloneID"},
    {"volume", "node_id", Kind::text, "NodeID"},
    {"volume", "node_pool", Kind::text, "NodePool"},
    {"volume", "host_path", Kind::text, "HostPath"},
    {"volume", "capacity_min", Kind::bytes, "RequestedCapacityMin"},
    {"volume", "capacity_max", Kind::bytes, "RequestedCapacityMax"},
    {"volume", "capability", Kind::blocks, "RequestedCapabilities", "volume.capability"},
    {"volume", "mount_options", Kind::block, "MountOptions", "volume.mount_options"},
    {"volume", "constraint", Kind::blocks, "Constraints", "volume.constraint"},
    {"volume", "topology_request", Kind::block, "RequestedTopologies", "topology_request"},
    {"volume", "secrets", Kind::map, "Secrets"},
    {"volume", "parameters", Kind::map, "Parameters"},
    {"volume", "context", Kind::map, "Context"},

    {"volume.capability", "access_mode", Kind::text, "AccessMode", access_modes},
    {"volume.capability", "attachment_mode", Kind::text, "AttachmentMode", "file-system block-device"},

    {"volume.mount_options", "fs_type", Kind::text, "FSType"},
    {"volume.mount_options", "mount_flags", Kind::texts, "MountFlags"},

    {"volume.constraint", "attribute", Kind::text, "LTarget"},
    {"volume.constraint", "operator", Kind::text, "Operand"},
    {"volume.constraint", "value", Kind::text, "RTarget"},

    {"topology_request", "required", Kind::block, "Required", "topologies"},
    {"topology_request", "preferred", Kind::block, "Preferred", "topologies"},
    {"topologies", "topology", Kind::blocks, "Topologies", "topology"},
    {"topology", "segments", Kind::map, "Segments"},

    {"variable", "path", Kind::text, "Path"},
    {"variable", "namespace", Kind::text, "Namespace"},
    {"variable", "items", Kind::map, "Items", "", true},

    {"acl_policy", "namespace", Kind::keyed, "Namespaces", "acl.namespace"},
    {"acl_policy", "node_pool", Kind::keyed, "NodePools", "acl.node_pool"},
    {"acl_policy", "host_volume", Kind::keyed, "HostVolumes", "acl.host_volume"},
    {"acl_policy", "agent", Kind::block, "Agent", "acl.coarse"},
    {"acl_policy", "node", Kind::block, "Node", "acl.coarse"},
    {"acl_policy", "quota", Kind::block, "Quota", "acl.coarse"},
    {"acl_policy", "plugin", Kind::block, "Plugin", "acl.plugin"},
    {"acl_policy", "operator", Kind::block, "Operator", "acl.operator"},

    {"acl.namespace", "label", Kind::label, ""},
    {"acl.namespace", "policy", Kind::text, "Policy", namespace_policies},
    {"acl.namespace", "capabilities", Kind::texts, "Capabilities", namespace_capabilities},
    {"acl.namespace", "variables", Kind::block, "Variables", "acl.variables"},

    {"acl.variables", "path", Kind::keyed, "Paths", "acl.path"},
    {"acl.path", "label", Kind::label, ""},
    {"acl.path", "capabilities", Kind::texts, "Capabilities", "list read write destroy deny", true},

    {"acl.node_pool", "label", Kind::label, ""},
    {"acl.node_pool", "policy", Kind::text, "Policy", "deny read write"},
    {"acl.node_pool", "capabilities", Kind::texts, "Capabilities", "deny read write delete"},

    {"acl.host_volume", "label", Kind::label, ""},
    {"acl.host_volume", "policy", Kind::text, "Policy", "deny read write"},
    {"acl.host_volume", "capabilities", Kind::texts, "Capabilities", "deny mount-readonly mount-readwrite"},

    {"acl.coarse", "policy", Kind::text, "Policy", "deny read write", true},
    {"acl.plugin", "policy", Kind::text, "Policy", policies, true},
    {"acl.operator", "policy", Kind::text, "Policy", "deny read write"},
    {"acl.operator", "capabilities", Kind::texts, "Capabilities", "snapshot-save license-read keyring-rotate keyring-read keyring-delete"},
};
// clang-format on

}  // namespace

std::span<const Row> all_rows() { return rows; }

}  // namespace drover::model::spec_files
