#include "cli/command.h"

/// Commands of areas that are not built: known by name and refused by name, so that nobody takes them for a typing error.
namespace drover::cli {
namespace {

struct NotYet {
  std::string_view words;
  std::string_view why;  ///< a whole sentence without its end
};

constexpr NotYet not_yet[] = {
    {"acl", "access control lists are not supported yet"},
    {"login", "access control lists are not supported yet"},
    {"action", "actions of jobs are not supported yet; drover exec runs any command inside a task"},
    {"job action", "actions of jobs are not supported yet; drover exec runs any command inside a task"},
    {"alloc pause", "schedules of tasks are not supported yet"},
    {"eval delete", "deleting evaluations is not supported yet; those that are over are removed in time (drover system gc)"},
    {"license", "licences are not supported yet"},
    {"monitor export", "exporting a log is not supported yet; drover monitor follows it"},
    {"node identity", "identities of nodes are not supported yet"},
    {"node intro", "identities of nodes are not supported yet"},
    {"node meta", "changing a node's meta while it runs is not supported yet; drover node status -verbose shows it"},
    {"operator autopilot", "several servers are not supported yet"},
    {"operator client-state", "reading an agent's state from its folder is not supported yet"},
    {"operator debug", "debug archives are not supported yet"},
    {"operator gossip", "gossip between servers is not supported yet"},
    {"operator raft", "several servers are not supported yet"},
    {"operator root", "the keyring is not supported yet"},
    {"operator snapshot", "snapshots of the servers' state are not supported yet"},
    {"operator utilization", "reports of utilization are not supported yet"},
    {"quota", "quotas are not supported yet"},
    {"recommendation", "recommendations are not supported yet"},
    {"sentinel", "Sentinel policies are not supported yet"},
    {"server force-leave", "several servers are not supported yet"},
    {"server join", "several servers are not supported yet"},
    {"setup", "setting up Consul and Vault is not supported yet"},
    {"tls ca", "the commands tls ca and tls cert are not supported yet; drover tls init makes an authority and certificates"},
    {"tls cert", "the commands tls ca and tls cert are not supported yet; drover tls init makes an authority and certificates"},
    {"ui", "the web interface is not supported yet"},
    {"var", "variables are not supported yet"},
    {"volume", "volumes are not supported yet"},
    {"windows", "Windows is not supported yet"},
};

}  // namespace

void add_refused_commands(std::vector<Command>& rows) {
  for (const NotYet& known : not_yet) {
    Command row;
    row.words = known.words;
    row.summary = known.why;
    row.refusal = known.why;
    row.is_hidden = true;
    rows.push_back(row);
  }
}

}  // namespace drover::cli
