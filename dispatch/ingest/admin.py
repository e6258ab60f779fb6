"""The quarantine in Django's admin, to read only: what was acknowledged and not believed, and why."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from dispatch.fleet.selectors import every_device_visible_to
from dispatch.history.models import QuarantinedFix

__all__ = ["QuarantinedFixAdmin"]


@admin.register(QuarantinedFix)
class QuarantinedFixAdmin(admin.ModelAdmin[QuarantinedFix]):
    """Newest first; the identifier of a device is found in the list of devices by its number."""

    list_display = ("received_at", "device_id", "reason", "fix_time", "lat", "lon", "accuracy_m")
    list_filter = ("reason", "received_at")
    search_fields = ("=device_id",)
    search_help_text = "The device's number."
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuarantinedFix]:
        """What came from devices of the user's fleets; from any, deleted ones too, for who may see every fleet."""
        fixes = super().get_queryset(request)
        if request.user.has_perm("fleet.view_every_fleet"):
            return fixes
        return fixes.filter(device_id__in=every_device_visible_to(request.user).values("pk"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: only the ingest writes here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: QuarantinedFix | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: QuarantinedFix | None = None) -> bool:
        """Nobody; the retention deletes."""
        return False
