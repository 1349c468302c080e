package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/julienschmidt/httprouter"

	"nightjar/archive"
)

// routes lists every path of the API: its handlers by method, its spec, which is declared beside
// the handlers, and the name that a TOM gives it. HEAD and OPTIONS are answered for all of them.
var routes = []struct {
	path   string
	handle on
	spec   spec
	view   string
}{
	{"/api/targets/", on{GET: listTargets, POST: createTarget},
		targetsSpec.tables(uploading(importTargets, true), exportTargets), "Target List"},
	{"/api/targets/:id/", on{GET: getTarget, PUT: changeTarget, PATCH: changeTarget, DELETE: deleteTarget}, targetSpec,
		"Target Instance"},
	{"/api/targets/:id/groups/", on{GET: listTargetGroups}, targetGroupsSpec, "Target Groups"},
	{"/api/targets/:id/groups/:group/", on{GET: getTargetGroup, PUT: shareTarget, DELETE: withdrawGroup},
		targetGroupSpec, "Target Group"},
	{"/api/targetname/:id/", on{GET: getAlias, DELETE: deleteAlias}, partSpec, "Target Name Instance"},
	{"/api/targetextra/:id/", on{GET: getExtra, DELETE: deleteExtra}, partSpec, "Target Extra Instance"},
	{"/api/targetlist/:id/", on{GET: getTargetList, DELETE: deleteTargetList}, partSpec, "Target List Instance"},
	{"/api/dataproducts/", on{GET: listProducts, POST: uploading(uploadProduct, false)}, productsSpec,
		"Data Product List"},
	{"/api/dataproducts/:id/", on{GET: getProduct, DELETE: deleteProduct}, productSpec, "Data Product Instance"},
	{"/api/reduceddatums/", on{GET: listDatums, POST: createDatum},
		datumsSpec.tables(uploading(importDatums, false), exportDatums), "Reduced Datum List"},
	{"/api/reduceddatums/:id/", on{GET: getDatum, DELETE: deleteDatum}, datumSpec, "Reduced Datum Instance"},
	{"/api/observations/", on{GET: listObservations, POST: createObservation}, observationsSpec,
		"Observation Record List"},
	{"/api/observations/:id/", on{GET: getObservation}, observationSpec, "Observation Record Instance"},
	{"/api/observations/:id/cancel/", on{PATCH: cancelObservation}, spec{}, "Cancel"},
	{"/api/groups/", on{GET: listGroups, POST: createGroup}, groupsSpec, "Group List"},
	{"/api/groups/:id/", on{GET: getGroup, PATCH: renameGroup, DELETE: deleteGroup}, groupSpec, "Group Instance"},
	{"/api/groups/:id/members/", on{GET: listMembers, POST: joinGroup}, membersSpec, "Group Members"},
	{"/api/groups/:id/members/:user/", on{DELETE: leaveGroup}, memberSpec, "Group Member"},
	{"/api/users/", on{GET: listUsers, POST: createUser}, usersSpec, "User List"},
	{"/api/users/:id/", on{GET: getUser, PATCH: changeUser, DELETE: deleteUser}, userSpec, "User Instance"},
	{"/api/tokens/", on{GET: listTokens, POST: createToken}, tokensSpec, "Token List"},
	{"/api/tokens/:id/", on{GET: getToken, DELETE: revokeToken}, tokenSpec, "Token Instance"},
	{"/api/token-auth/", on{POST: obtainToken}, tokenAuthSpec, "Obtain Auth Token"},
	{"/api/session/", on{GET: showSession, POST: signIn, DELETE: signOut}, sessionSpec, "Session"},
	{"/api/settings/", on{GET: listSettings}, settingsSpec, "Setting List"},
	{"/api/settings/:id/", on{GET: getSetting, PUT: setSetting, PATCH: setSetting}, settingSpec, "Setting Instance"},
	{"/api/node/", on{GET: getNode}, spec{}, "Node"},
	{"/api/node/certificate/", on{GET: getCertificate}, spec{}, "Certificate"},
	{"/api/node/backup/", on{POST: backup}, backupSpec, "Backup"},
	{"/api/backup/", on{GET: downloadBackup}, backupFileSpec, "Backup File"},
	{"/api/node/verify/", on{POST: verify}, verifySpec, "Verify"},
	{"/api/node/compact/", on{POST: compact}, spec{}, "Compact"},
	{"/api/node/reindex/", on{POST: reindex}, spec{}, "Reindex"},
	{"/api/log/", on{GET: listLog}, logSpec, "Log List"},
	{"/api/", on{GET: showRoot}, spec{}, "Api Root"},
	{"/api/schema/", on{GET: showSchema}, schemaSpec, "Schema"},
	{"/api/suggestions/", on{GET: suggest}, suggestionsSpec, "Suggestions"},
	{"/api/events/", on{GET: watch}, eventsSpec, "Events"},
}

// addRoutes registers all routes, and paths outside of the API: files, the state of the node, and
// the forms for signing in.
func (api *API) addRoutes() {
	for _, row := range routes {
		rt := &route{path: row.path, handle: row.handle, spec: row.spec, view: row.view}
		rt.index()
		api.routes = append(api.routes, rt)
		for _, method := range allMethods {
			api.router.Handle(method, rt.path, api.serve(rt))
		}
	}
	for _, method := range []string{GET, http.MethodHead} {
		api.router.Handle(method, "/data/*path", api.serveFile)
		api.router.Handle(method, "/healthz", api.serveHealth)
	}
	api.addLogin()
}

// New returns the handler that serves an archive.
func New(a *archive.Archive, o Options) *API {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Limits = o.Limits.orDefaults()
	if o.Pages == nil {
		o.Pages = http.NotFoundHandler()
	}
	api := &API{archive: a, o: o, router: httprouter.New(), startID: requestID(),
		collecting: make(chan struct{}, maxCollecting), after: time.After}
	api.health.Store("")
	api.stopping, api.stop = context.WithCancel(context.Background())
	api.router.RedirectFixedPath = false
	api.router.HandleMethodNotAllowed = false // each route answers all methods itself
	api.router.HandleOPTIONS = false
	api.addRoutes()
	api.router.NotFound = http.HandlerFunc(api.notFound)
	api.router.PanicHandler = func(w http.ResponseWriter, r *http.Request, p any) { panic(p) }
	return api
}
