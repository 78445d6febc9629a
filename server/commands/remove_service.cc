#include "server/commands/apply.h"
#include "server/commands/command.h"
#include "server/proto/command.pb.h"

// A user takes the registration of a service away.
namespace drover::server {

Result<Decision<ServiceRemoved>> decide(const RemoveService& request, const Deciding& deciding) {
  if (!deciding.state.service(request.service)) return fail(Code::not_found, "service registration not found");
  Decision<ServiceRemoved> decision{.command = new_command(deciding), .answer = ServiceRemoved{.index = deciding.index}};
  auto& command = *decision.command->mutable_remove_service();
  command.set_namespace_(request.service.ns);
  command.set_name(request.service.name);
  command.set_id(request.service.id);
  return decision;
}

Result<void> apply(State& state, const proto::RemoveService& command) {
  state.erase_service(ServiceKey{command.namespace_(), command.name(), command.id()});
  return {};
}

}  // namespace drover::server
