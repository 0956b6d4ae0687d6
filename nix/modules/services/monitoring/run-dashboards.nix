# The dashboard of runs, from the spans that `tools/pantheros report` sends: how long each deploy took, and how it ended.
# Source: grafana.com/docs, "Tempo data source" (TraceQL).
let
  table = id: title: query: {
    inherit id title;
    type = "table";
    datasource = {
      type = "tempo";
      uid = "tempo";
    };
    gridPos = {
      x = 0;
      y = (id - 1) * 10;
      w = 24;
      h = 10;
    };
    targets = [
      {
        refId = "A";
        queryType = "traceql";
        tableType = "spans";
        limit = 100;
        inherit query;
      }
    ];
  };
  runs = condition: "{ resource.service.name = \"pantheros\"${condition} } | select(span.outcome, span.stack)";
in {
  runs = {
    uid = "pantheros-runs";
    title = "Runs";
    schemaVersion = 39;
    version = 1;
    editable = false;
    time = {
      from = "now-7d";
      to = "now";
    };
    tags = ["pantheros"];
    panels = [
      (table 1 "Deploys and how long they took" (runs ""))
      (table 2 "Failed deploys" (runs " && status = error"))
    ];
  };
}
