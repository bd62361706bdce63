from django.urls import path

from randomization.views import clusters, desk, envelopes, public, reports, reveal, sealing, unblindings

app_name = "randomization"
urlpatterns = [
    path("<slug:slug>/", desk.desk, name="desk"),
    path("<slug:slug>/envelopes/", envelopes.overview, name="envelopes"),
    path("<slug:slug>/envelopes/<slug:site>/", envelopes.site, name="site_envelopes"),
    path("<slug:slug>/envelopes/<slug:site>/print/", envelopes.print_envelopes, name="print_envelopes"),
    path(
        "<slug:slug>/envelopes/<slug:site>/print/<int:number>/",
        envelopes.print_envelopes,
        name="print_envelope",
    ),
    path(
        "<slug:slug>/envelopes/<slug:site>/return/<int:number>/", envelopes.give_back, name="return_envelope"
    ),
    path("<slug:slug>/sites/<slug:site>/", clusters.late_site, name="late_site"),
    path("<slug:slug>/seal/", sealing.seal, name="seal"),
    path("<slug:slug>/proposals/<int:number>/", sealing.approve, name="approve"),
    path("<slug:slug>/extend/", sealing.extend, name="extend"),
    path("<slug:slug>/reveal/", reveal.reveal, name="reveal"),
    path("<slug:slug>/unblindings/", unblindings.unblindings, name="unblindings"),
    path("<slug:slug>/unblindings/pdf/", unblindings.unblindings_pdf, name="unblindings_pdf"),
    path("<slug:slug>/reports/", reports.reports, name="reports"),
    path("<slug:slug>/reports/<uuid:report_pk>/", reports.report, name="report"),
    path("<slug:slug>/reports/<uuid:report_pk>/pdf/", reports.report_pdf, name="report_pdf"),
    path("<slug:slug>/commitment/", public.commitment, name="commitment"),
    path("<slug:slug>/commitment.pdf", public.document, name="commitment_pdf"),
    path("<slug:slug>/commitment/<str:name>", public.revealed, name="revealed"),
]
